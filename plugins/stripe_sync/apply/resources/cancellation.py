"""Cancel a subscription: what is collected of its customer is noted before, and given back to what is owed after.

``prepare`` runs before the intent is committed, ``finish`` after the call; a run that was killed between them is finished
from what its intent noted.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from functools import partial
from typing import Any, cast

from msgspec import structs

from stripe_sync.apply.current import Row, check_before, current
from stripe_sync.apply.links import Registry
from stripe_sync.apply.resources import parameters
from stripe_sync.apply.resources.pending_items import noted, settle_pending
from stripe_sync.clients.stripe.client import StripeApi, Written
from stripe_sync.clients.stripe.endpoints import PATHS
from stripe_sync.clients.stripe.whole import with_lines
from stripe_sync.core import ownership
from stripe_sync.core.clock import epoch
from stripe_sync.core.errors import Replayed, RowFailed, Transient
from stripe_sync.core.ownership import Signer
from stripe_sync.core.reasons import ReasonCode
from stripe_sync.domain.actual import stigg_end
from stripe_sync.domain.actual.billing_periods import natural_end, renewed_at
from stripe_sync.domain.actual.endings import (
    MINUTE,
    Collected,
    Ending,
    GiveBack,
    collected,
    decide,
    is_settled_after_end,
    renewed_after_end,
    split,
    to_give_back,
    unowed,
)
from stripe_sync.domain.actual.pending_items import Pending, pending, price_of
from stripe_sync.domain.actual.stripe_objects import GONE
from stripe_sync.domain.actual.unused_time import unused, unused_pending
from stripe_sync.domain.model.stripe import StripeSubscription, decode
from stripe_sync.domain.plan.actions import Action
from stripe_sync.domain.usage.holds.leads import LONGER, TIME, is_too_near

INVOICES, ITEMS = PATHS["invoice"], PATHS["invoiceitem"]
YEAR = 367 * 86_400  # no period is longer


def prepare(api: StripeApi, action: Action, registry: Registry, now: datetime) -> Action:
    """Return the action with what it stops. Raises RowFailed ``WAITS_FOR_INVOICE`` where it is too early to cancel."""
    held = current(api, action, registry)
    if held["status"] not in GONE:
        check_before(action, held, registry)
    found = {row["id"]: row for row in unfinished(api, held["customer"])}
    latest = held.get("latest_invoice")
    if latest and latest not in found:
        found[latest] = api.get(f"{INVOICES}/{latest}")
    found |= {row["id"]: row for row in renewed_since(api, held["id"], action.after.get("ended_in_stigg"))}
    whole = [with_lines(api, row) for row in found.values()]
    ours = action.noted.get("own_stops", ())
    seen = [replace(collected(row), is_ours=row["id"] in ours) for row in whole]
    if held["status"] not in GONE:
        refuse_early(action, held, seen, now)
    waiting = pending_items(api, held, registry.signer)
    told = {"collected": [asdict(i) for i in seen], "pending": noted(waiting), "customer": held["customer"]}
    sold = sold_after(whole, unowed(seen, held["id"], end := action.after.get("ended_in_stigg")), end, registry.signer)
    return structs.replace(action, noted=told | {"sold_after": sold} | unused_of(api, held, action, waiting))


def sold_after(invoices: Iterable[Row], ids: Collection[str], end: int | None, signer: Signer) -> list[Row]:
    """Return what each of these invoices asks for time after the end: its id, the currency, the amount in minor units.

    One that is owed whole is none of them: it is a row of what nothing collects any more (domain/plan/owed.py).
    """
    found = []
    for row in invoices:
        lines = row["lines"]["data"]
        if end is None or row["id"] not in ids:
            continue
        sums = split(lines, end, signer.own_lines(lines))
        if not sums.is_owed_whole(row["status"]):
            found.append({"invoice": row["id"], "currency": row["currency"], "amount": sums.sold})
    return found


def unused_of(api: StripeApi, held: Row, action: Action, waiting: Sequence[Pending]) -> Row:
    """Return what was debited, and what the ending itself bills, for time after the end; nothing where that is in doubt."""
    end = action.after.get("ended_in_stigg")
    if end is None or action.after.get("ended_between"):
        return {}
    since = {"gte": end - YEAR}
    rows = (row for page in api.pages(INVOICES, subscription=held["id"], created=since) for row in page)
    left = unused((with_lines(api, row) for row in rows), end)
    return {"unused_pending": unused_pending(waiting, end)} | ({"unused": asdict(left)} if left is not None else {})


def refuse_early(action: Action, held: Row, seen: list[Collected], now: datetime) -> None:
    """Decide once more, from what Stripe shows at this moment; the proof of usage is the plan's to look at."""
    subscription = decode(held, StripeSubscription)
    moment = epoch(now)
    decision = decide(
        Ending(
            end=action.after.get("ended_in_stigg") or moment,
            renewed=renewed_at(subscription),
            next_renewal=min((natural_end(subscription, i) for i in subscription.items.data), default=moment),
            now=moment,
            invoices=tuple(i for i in seen if i.subscription == subscription.id),
        )
    )
    if decision.kind != "cancel":
        raise RowFailed(ReasonCode.WAITS_FOR_INVOICE, decision.why)


def unfinished(api: StripeApi, customer: str) -> Iterator[Row]:
    """Yield the drafts and open invoices of a customer."""
    for status in ("draft", "open"):
        for page in api.pages(INVOICES, customer=customer, status=status):
            yield from page


def renewed_since(api: StripeApi, subscription: str, end: int | None) -> Iterator[Row]:
    """Yield the invoices of a subscription from its end on: a run that comes late finds several renewals."""
    if end is not None:
        for page in api.pages(INVOICES, subscription=subscription, created={"gte": end - MINUTE}):
            yield from page


def pending_items(api: StripeApi, held: Mapping[str, Any], signer: Signer) -> list[Pending]:
    """Return what is pending of a subscription, each item with the tax behaviour of its price."""
    rows = pending_of(api, held)
    prices = {id: api.find(f"{PATHS['price']}/{id}") for id in {price_of(row) for row in rows} if id}
    behavior = {id: (price or {}).get("tax_behavior") or "" for id, price in prices.items()}
    known = {id: "" if found == "unspecified" else found for id, found in behavior.items()}
    return [pending(row, marked=is_marked(row, signer), behavior=known.get(price_of(row) or "", "")) for row in rows]


def pending_of(api: StripeApi, held: Mapping[str, Any]) -> list[Row]:
    """Return the pending invoice items that belong to a subscription."""
    pages = api.pages(ITEMS, customer=held["customer"], pending=True)
    return [row for page in pages for row in page if owner_of(row) == held["id"]]


def owner_of(item: Mapping[str, Any]) -> str | None:
    found = ((item.get("parent") or {}).get("subscription_details") or {}).get("subscription")
    return str(found["id"] if isinstance(found, dict) else found) if found else None


def send(api: StripeApi, action: Action, registry: Registry, key: str) -> Written:
    """End a subscription that still bills what the plan saw; one that ended already is done."""
    held = current(api, action, registry)
    if held["status"] in GONE:
        return Written(held, None)
    check_before(action, held, registry)
    id, params = registry.resolve(action.target), parameters.subscription_cancel()
    return api.write(
        "delete /v1/subscriptions/{id}",
        lambda c, o: c.v1.subscriptions.cancel(id, cast(Any, params), o),
        idempotency_key=key,
    )


def finish(api: StripeApi, action: Action, registry: Registry, key: str, now: datetime) -> list[str]:
    """Give the collection back to what had it and is owed, then settle what was pending. Return what a person has to see to.

    Raises Replayed or Transient after the other steps were made: the intent stays open, and a later run repeats them under
    other keys. What was made already is found, so a repetition makes nothing twice.
    """
    key = f"{key}-{epoch(now)}"
    before = [Collected(**invoice) for invoice in action.noted.get("collected", ())]
    not_owed = unowed(before, registry.resolve(action.target), action.after.get("ended_in_stigg"))
    there = {i.id: collected(row) for i in before if (row := api.find(f"{INVOICES}/{i.id}")) is not None}
    given = to_give_back(before, there, not_owed=not_owed, now=epoch(now))
    steps: list[Callable[[], list[str]]] = [partial(give_back, api, one, key, epoch(now)) for one in given]
    if waiting := [Pending(**item) for item in action.noted.get("pending", ())]:
        steps.append(partial(settle_pending, api, action, registry, key, found=waiting, now=epoch(now)))
    steps.append(partial(after_end, api, action, registry.resolve(action.target), registry.signer))
    return each(steps)


def each(steps: Iterable[Callable[[], list[str]]]) -> list[str]:
    """Make each step whatever became of the others, and return what they tell. Raises the last Replayed or Transient."""
    told, lost = [], None
    for step in steps:
        try:
            told += step()
        except RowFailed as refused:
            told.append(f"It is canceled, and what follows was refused: {refused.detail} Look at its invoices.")
        except (Replayed, Transient) as failed:
            lost = failed
    if lost is not None:
        raise lost
    return told


def give_back(api: StripeApi, given: GiveBack, key: str, now: int) -> list[str]:
    """Switch the collection of one invoice on again, at its own time or, where that is too near, later; read it back."""
    try:
        try:
            switch_on(api, given, f"{key}-{given.invoice}")
        except RowFailed as refused:
            if given.moment is None or not is_too_near(refused.detail):
                raise
            later = replace(given, moment=max(given.moment, now + int(LONGER.total_seconds())))
            switch_on(api, later, f"{key}-{given.invoice}-later")
        held = api.get(f"{INVOICES}/{given.invoice}")
    except RowFailed as refused:
        return [f"{given.invoice} is owed and not collected any more: {refused.detail} Collect it by hand."]
    if held["auto_advance"] or held["status"] not in ("draft", "open"):
        return []
    return [f"{given.invoice} is owed, and Stripe did not switch its collection on again; collect it by hand."]


def switch_on(api: StripeApi, given: GiveBack, key: str) -> None:
    """Switch the collection of one invoice on, a draft with its time."""
    params: Any = {"auto_advance": True} | ({TIME: given.moment} if given.moment is not None else {})
    api.write(
        f"post {INVOICES}/{{id}}", lambda c, o: c.v1.invoices.update(given.invoice, params, o), idempotency_key=key
    )


def after_end(api: StripeApi, action: Action, subscription: str, signer: Signer) -> list[str]:
    """Return a sentence with both sums for each renewal after the end that is neither void nor credited yet."""
    before = [Collected(**invoice) for invoice in action.noted.get("collected", ())]
    found = sorted(unowed(before, subscription, action.after.get("ended_in_stigg")))
    return [told for id in found if (told := renewal_after_end(api, action, id, signer))]


def renewal_after_end(api: StripeApi, action: Action, id: str, signer: Signer) -> str:
    """Return a sentence with both sums of one invoice that sold a period after the end; empty where it is settled."""
    body, end = api.find(f"{INVOICES}/{id}"), action.after.get("ended_in_stigg")
    if body is None or end is None:
        return ""
    lines = [line for page in api.pages(f"{INVOICES}/{id}/lines") for line in page]
    sums = split(lines, end, signer.own_lines(lines))
    if is_settled_after_end(body, sums):
        return ""
    between = action.after.get("ended_between")
    return renewed_after_end(
        id, body["status"], body["currency"], sums, doubt=stigg_end.told(between) if between else ""
    )


def is_marked(row: Mapping[str, Any], signer: Signer) -> bool:
    """Return whether a line or an item carries our genuine mark."""
    return signer.key_of((row.get("metadata") or {}).get(ownership.FIELD)) is not None


def canceled(api: StripeApi, action: Action, registry: Registry, since: datetime) -> Iterator[Row]:
    """Yield the subscription if a call that nobody recorded has canceled it."""
    held = current(api, action, registry)
    if held["status"] == action.after["status"]:
        yield held

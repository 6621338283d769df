"""Changes and the renewals of what they change: is the moment in the running period, or was it overtaken (BILLING 7)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from stripe_sync.core import keys, money, periods
from stripe_sync.core.clock import epoch, from_epoch
from stripe_sync.core.lanes import Lane
from stripe_sync.domain.drift.amounts import difference
from stripe_sync.domain.drift.difference import Changed
from stripe_sync.domain.model.documents import Document
from stripe_sync.domain.plan.actions import RENEWED, Action, ActionKind
from stripe_sync.domain.plan.writes.context import Draft

Items = list[dict[str, str]]


def item_periods(d: Changed) -> list[tuple[int, int]]:
    return [(item["start"], item["end"]) for item in d.actual.facts["items"].values()]


def is_inside(d: Changed, moment: int) -> bool:
    """Return whether a time lies in the current period of every item."""
    return all(start <= moment < end for start, end in item_periods(d))


def is_overtaken(d: Changed, moment: int) -> bool:
    """Return whether the current period of every item began after the time: a renewal has billed the state before."""
    found = item_periods(d)
    return bool(found) and all(moment < start for start, _ in found)


def overtaken(
    draft: Draft, d: Changed, old: Items, new: Items, *, more: Mapping[str, Decimal], requested: int
) -> Iterator[Action]:
    """A change that a renewal has overtaken: what it billed too little goes on its open draft.

    What it billed too much is no line, since no line is negative: it is a credit, which a person gives by a credit note.
    The item comes first, so that a change without its item is never found made; an item of the same moment counts, on any invoice.
    Where the draft is finalized without an item, or the change is older than one period, a manual decision is required (RENEWED_SHORT, RENEWED_LONG).
    """
    start, _ = item_periods(d)[0]
    months = max((draft.book.rates[i["price"]].months for i in new if i["price"] in draft.book.rates), default=1) or 1
    before_that = period_before(d.actual.facts.get("anchor"), start, months)
    interval = difference(draft.book.one_interval(new), draft.book.one_interval(old))
    share = Decimal(start - max(requested, before_that)) / Decimal(start - before_that)
    owed = {c: Decimal(money.round_minor(amount + amount * share)) for c, amount in interval.items()}
    after: Document = {"items": new, "proration_behavior": "none"}
    is_short = any(amount > 0 for amount in owed.values())
    made = item_made(draft, d, requested) if is_short else None
    invoice = d.actual.facts.get("draft")
    if (made or invoice) and requested >= before_that:
        target = made or item_key(d, f"{invoice}.{requested}")
        if invoice:
            yield from on_draft(draft, d, target, invoice, owed, start, product_of(d, old, new))
        after["charged"] = [target] if is_short else []
        credits = {currency: amount for currency, amount in owed.items() if amount < 0}
        for currency, amount in credits.items():
            after["credit"] = {"invoice": invoice, "currency": currency, "amount": str(int(-amount))}
        cause, due = RENEWED, credits
    else:
        cause, due = "renewed_short" if is_short else "renewed_long", owed
        after |= {"proration_behavior": "create_prorations", "proration_date": start}
    yield draft.action(
        d,
        ActionKind.SUBSCRIPTION_UPDATE,
        Lane.SUBSCRIPTIONS,
        after,
        before={"items": old},
        cause=cause,
        verb="Change",
        due_now=due,
        per_month=more,
    )


def period_before(anchor: int | None, start: int, months: int) -> int:
    """Return the start of the period before the one that starts at a time, by the anchor's day: before 28 February 31 January."""
    interval = next((name for name, count in periods.MONTHS.items() if count == months), None)
    if anchor is None or interval is None:
        return epoch(periods.add_months(from_epoch(start), -months))
    return epoch(periods.boundary_before(from_epoch(anchor), interval, from_epoch(start)))


def item_key(d: Changed, name: str) -> str:
    """Return the link key of a subscription's item for an overtaken change; its name is ``<invoice>.<moment>``."""
    environment, id = keys.LinkKey.parse(d.key).environment, keys.part(keys.entity_of(d.key)[1])
    return keys.link_key("renewal", environment, id, name)


def item_made(draft: Draft, d: Changed, requested: int) -> str | None:
    """Return the link key of the item that was made for an overtaken change, on whichever invoice; else None."""
    names = (item_key(d, ""), f".{requested}")
    return next((key for key in sorted(draft.known) if key.startswith(names[0]) and key.endswith(names[1])), None)


def product_of(d: Changed, old: Items, new: Items) -> str:
    """The product of the charge that changed, by link key or id; of another item where the charge is a new one."""
    items = d.actual.facts["items"]
    was, now = ({item["price"]: item["quantity"] for item in given} for given in (old, new))
    changed = [price for price in sorted(items) if was.get(price) != now.get(price)]
    return str(items[next(iter([*changed, *sorted(items)]))]["product"])


def manual_tax(d: Changed) -> dict[str, list[str]]:
    """Return the manual tax rates of a subscription for an item of its own, which inherits none (SB 3.4)."""
    rates = d.actual.facts.get("tax_rates")
    return {"tax_rates": list(rates)} if rates else {}


def on_draft(
    draft: Draft, d: Changed, target: str, invoice: str, owed: Mapping[str, Decimal], start: int, product: str
) -> Iterator[Action]:
    """The item on the open draft of the renewal, where it billed too little."""
    for currency, amount in owed.items():
        if amount > 0 and target not in draft.known:
            after: dict[str, Any] = {
                "customer": d.target.document["customer"],
                "invoice": invoice,
                "amount": str(int(amount)),
                "currency": currency,
                "subscription": d.key,
                "from": start,
                "product": product,
                **manual_tax(d),
            }
            yield draft.action(
                d,
                ActionKind.INVOICE_ITEM_CREATE,
                Lane.SUBSCRIPTIONS,
                after,
                target=target,
                cause=RENEWED,
                verb="Put on the open draft:",
                due_now={currency: amount},
            )

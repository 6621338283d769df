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
from stripe_sync.domain.plan.actions import Action, ActionKind
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
    Where the draft is finalized, or the change is older than one period, a manual decision is required (RENEWED_SHORT, RENEWED_LONG).
    """
    start, _ = item_periods(d)[0]
    months = max((draft.book.rates[i["price"]].months for i in new if i["price"] in draft.book.rates), default=1) or 1
    before_that = epoch(periods.add_months(from_epoch(start), -months))
    interval = difference(draft.book.one_interval(new), draft.book.one_interval(old))
    share = Decimal(start - max(requested, before_that)) / Decimal(start - before_that)
    owed = {c: Decimal(money.round_minor(amount + amount * share)) for c, amount in interval.items()}
    after: Document = {"items": new, "proration_behavior": "none"}
    invoice = d.actual.facts.get("draft")
    if invoice and requested >= before_that:
        target = keys.link_key(
            "renewal",
            keys.LinkKey.parse(d.key).environment,
            keys.part(keys.entity_of(d.key)[1]),
            f"{invoice}.{requested}",
        )
        added = list(on_draft(draft, d, target, invoice, owed, start, product_of(d, old, new)))
        yield from added
        after["charged"] = [action.target for action in added]
        credits = {currency: amount for currency, amount in owed.items() if amount < 0}
        for currency, amount in credits.items():
            after["credit"] = {"invoice": invoice, "currency": currency, "amount": str(int(-amount))}
        yield draft.action(
            d,
            ActionKind.SUBSCRIPTION_UPDATE,
            Lane.SUBSCRIPTIONS,
            after,
            before={"items": old},
            cause="renewed",
            verb="Change",
            due_now=credits,
            per_month=more,
        )
        return
    cause = "renewed_short" if any(amount > 0 for amount in owed.values()) else "renewed_long"
    after |= {"proration_behavior": "create_prorations", "proration_date": start}
    yield draft.action(
        d,
        ActionKind.SUBSCRIPTION_UPDATE,
        Lane.SUBSCRIPTIONS,
        after,
        before={"items": old},
        cause=cause,
        verb="Change",
        due_now=owed,
        per_month=more,
    )


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
                cause="renewed",
                verb="Put on the open draft:",
                due_now={currency: amount},
            )

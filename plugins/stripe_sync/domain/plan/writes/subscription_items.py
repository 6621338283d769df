"""Changes of a subscription's items: quantities, an explicit proration, usage that is not proven (BILLING 6 and 7)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from stripe_sync.core import keys
from stripe_sync.core.lanes import Lane
from stripe_sync.domain.drift.amounts import difference, items_of
from stripe_sync.domain.drift.difference import Changed
from stripe_sync.domain.model.documents import Document
from stripe_sync.domain.plan.actions import AND, ActionKind
from stripe_sync.domain.plan.intervals import BEGINS_NOW, changes_interval, interval_cause
from stripe_sync.domain.plan.writes.context import Draft, Outcome, Policy, Unplanned
from stripe_sync.domain.plan.writes.renewals import Items, is_inside, is_overtaken, item_periods, overtaken

BANK_DEBIT = "bank_debit"  # a cause beside that of the change
# SB 12.8.
UNPAID = (
    "It is unpaid in Stripe, and the invoice of its change would stay a draft. Collect its open invoices, or cancel it in "
    "Stigg; its change is made after that."
)


def change_items(draft: Draft, d: Changed) -> Iterator[Outcome]:
    """Yield the write of changed items with an explicit proration. An item whose usage is not proven stays."""
    if "items" not in d.fields:
        return
    old: Items = items_of(d.actual.document)
    target = items_of(d.target.document)
    kept = unproven_items(draft, d, old=old, new=target)
    if kept:
        yield Unplanned(d.key, "An item of usage goes when its usage is proven on an invoice; until then it stays.")
    new = with_kept(d, kept, target)
    if new == old:
        return
    if waits := d.target.facts["payment"].get("processing"):
        yield Unplanned(d.key, f"{waits} Its change is made after that.")
        return
    more = difference(draft.book.per_month(new), draft.book.per_month(old))
    cause, behavior = proration_for(draft.policy, old, new, more)
    if d.actual.document.get("trial_end") is not None:
        behavior = "none"  # nothing of a trial is charged; its end charges the new items
    requested = requested_at(d, old, new)
    after: Document = {"items": new, "proration_behavior": behavior}
    if changes_interval(draft.book, old, new):
        cause, behavior, requested = interval_cause(d.actual.facts["items"]), "always_invoice", None
        after |= BEGINS_NOW
    if behavior != "none" and requested is not None and is_overtaken(d, requested):
        yield from overtaken(draft, d, old, new, more=more, requested=requested)
        return
    moment = requested if requested is not None and is_inside(d, requested) and requested <= draft.policy.now else None
    if behavior != "none" and moment is not None:
        after["proration_date"] = moment
    if behavior == "always_invoice" and d.actual.facts.get("unpaid"):
        yield Unplanned(d.key, UNPAID)
        return
    due = remaining(draft, d, old, new, moment) if behavior == "always_invoice" else {}
    payment = d.target.facts["payment"]
    if d.target.document["collection_method"] == "charge_automatically":
        after["payment_behavior"] = "allow_incomplete" if payment.get("delayed") else "error_if_incomplete"
        if payment.get("delayed") and behavior == "always_invoice":
            cause = f"{cause}{AND}{BANK_DEBIT}"
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
        paid_by=payment.get("paid_by", ""),
    )


def unproven_items(draft: Draft, d: Changed, *, old: Items, new: Items) -> Items:
    """Return the items of usage that would go while their window holds usage that is not proven."""
    facts, names = d.actual.facts["items"], {item["price"] for item in new}
    coming = coming_items(d, new)
    return [
        item
        for item in old
        if item["price"] not in names
        and is_unproven(draft, facts[item["price"]])
        and not is_exchanged(draft, facts[item["price"]], item, coming)
    ]


def with_kept(d: Changed, kept: Items, new: Items) -> Items:
    """Return the target items and those that are kept, without the coming ones of a charge that is kept."""
    stays, coming = {keys.same_line_item(item["price"]) for item in kept}, coming_items(d, new)
    if not kept:
        return new
    rest = [item for item in new if item not in coming or keys.same_line_item(item["price"]) not in stays]
    return sorted([*rest, *kept], key=lambda item: item["price"])


def coming_items(d: Changed, new: Items) -> Items:
    """Return the target items at prices that the subscription does not have in Stripe."""
    facts = d.actual.facts["items"]
    return [item for item in new if item["price"] not in facts]


def is_exchanged(draft: Draft, fact: Mapping[str, Any], item: Mapping[str, str], coming: Items) -> bool:
    """Return whether a usage item continues at another price without loss; a metered one only between two invoices."""
    duplicates = [
        other for other in coming if keys.same_line_item(other["price"]) == keys.same_line_item(item["price"])
    ]
    if not duplicates or not (fact["metered"] or "metered" in duplicates[0]):
        return False
    return not fact["metered"] or fact["id"] in draft.policy.settled


def is_unproven(draft: Draft, item: Mapping[str, Any]) -> bool:
    """Return whether an item counts usage that is not verified on an invoice yet; a metered item's, on a finalized one."""
    policy = draft.policy
    if item["metered"] and item["id"] not in policy.settled:
        return True
    return bool(item["usage"]) and item["id"] not in policy.proven


def proration_for(policy: Policy, old: Items, new: Items, more: Mapping[str, Decimal]) -> tuple[str, str]:
    """(cause, proration): a change of versions alone is a migration and prorates nothing; else up or down by money."""

    def slots(items: Items) -> list[tuple[str, str]]:
        return sorted((keys.same_line_item(item["price"]), item["quantity"]) for item in items)

    if slots(old) == slots(new):
        return "migration", "none"
    if any(amount > 0 for amount in more.values()):
        return "upgrade", policy.upgrade_proration
    return "downgrade", policy.downgrade_proration


def changed_prices(old: Items, new: Items) -> set[str]:
    was, now = ({item["price"]: item["quantity"] for item in items} for items in (old, new))
    return {price for price in {*was, *now} if was.get(price) != now.get(price)}


def requested_at(d: Changed, old: Items, new: Items) -> int | None:
    """Stigg's time of the change, Unix seconds; None where Stigg does not tell it."""
    times = [d.target.facts["changed_at"].get(price) for price in changed_prices(old, new)]
    known = [moment for moment in times if moment is not None]
    return max(known) if known else None


def remaining(draft: Draft, d: Changed, old: Items, new: Items, moment: int | None) -> dict[str, Decimal]:
    """Return the estimated amount of a change's immediate invoice: the difference for the remaining time."""
    more = difference(draft.book.one_interval(new), draft.book.one_interval(old))
    found = item_periods(d)
    if not found:
        return more
    start, end = found[0]
    share = Decimal(end - (moment or draft.policy.now)) / Decimal(end - start)
    return {currency: (amount * share).quantize(Decimal(1)) for currency, amount in more.items()}

"""Actions for subscriptions: what makes, changes and ends what a customer is billed (BILLING 6 and 7).

One difference may give several writes, each with a cause of its own, so that each is limited and approved as what it is:
items with their proration, the end of the subscription, tax. Every write says its proration explicitly.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from msgspec import structs

from stripe_sync.core import keys
from stripe_sync.core.lanes import Lane
from stripe_sync.domain.actual.endings import Collected, Ending, EndingStep, decide
from stripe_sync.domain.drift.amounts import difference, items_of
from stripe_sync.domain.drift.difference import Changed, Difference, Extra, Missing
from stripe_sync.domain.drift.rows import is_ending
from stripe_sync.domain.model.documents import Document
from stripe_sync.domain.model.stripe_status import SubscriptionStatus
from stripe_sync.domain.plan.actions import AND, Action, ActionKind
from stripe_sync.domain.plan.intervals import BEGINS_NOW, changes_interval, interval_cause
from stripe_sync.domain.plan.writes.anchors import has_shifted_renewals, is_anchor_noted, note_anchor
from stripe_sync.domain.plan.writes.catalog import sides
from stripe_sync.domain.plan.writes.context import Draft, Outcome, Policy, Unplanned, cause_of
from stripe_sync.domain.plan.writes.renewals import Items, is_inside, is_overtaken, item_periods, manual_tax, overtaken

BANK_DEBIT = "bank_debit"  # a cause beside that of the change
COUPONS = ("discounts", "once")
PLAIN = ("collection_method", "days_until_due", "metadata", *COUPONS)


def build_subscription(draft: Draft, d: Difference) -> Iterator[Outcome]:
    if isinstance(d, Extra):
        yield Unplanned(
            d.key, "Stripe bills it, and it is not active in Stigg. Cancel it in Stripe, link it, or exempt it."
        )
    elif isinstance(d, Missing):
        yield create_subscription(draft, d)
    elif is_ending(d):
        yield from end_subscription(draft, d)
    elif d.actual.facts.get("paused"):
        yield Unplanned(d.key, "It is paused in Stripe. Resume it there, or cancel it in Stigg.")
    elif "customer" in d.fields:
        yield Unplanned(
            d.key,
            "Stripe bills another customer for it, which cannot be changed. Cancel it in Stripe, or correct the customer in Stigg.",
        )
    else:
        yield from change_subscription(draft, d)


def create_subscription(draft: Draft, d: Missing) -> Action:
    """Return the creation: billed in full from where paid time began.

    One that began long ago charges nothing now and waits for a person; one that a person back-dated charges nothing now.
    """
    start = dict(d.target.facts["start"])
    late, backdated = start.pop("late"), start.pop("backdated")
    items = d.target.document["items"]
    once = list(d.target.facts["one_off"].values())
    after = {**d.target.document, **start}
    if d.target.facts["attach"]:
        after["attach"] = d.target.facts["attach"]
    if once:
        after["one_off"] = once
    payment = d.target.facts["payment"]
    if payment.get("named"):
        after["default_payment_method"] = payment["named"]
    if after["collection_method"] == "charge_automatically":
        after["payment_behavior"] = "allow_incomplete" if payment.get("delayed") else "error_if_incomplete"
    due = draft.book.one_interval(once) if late or backdated else draft.book.one_interval([*items, *once])
    cause = "late_start" if late else "backdated" if backdated else "missing"
    return draft.action(
        d, ActionKind.SUBSCRIPTION_CREATE, Lane.SUBSCRIPTIONS, after, cause=cause, verb="Create",
        due_now=due, per_month=draft.book.per_month(items), paid_by=payment.get("paid_by", ""),
    )  # fmt: skip


def end_subscription(draft: Draft, d: Changed) -> Iterator[Outcome]:
    """Canceled in order of time (domain/actual/endings.py); a schedule is released first."""
    facts = d.target.facts
    if facts["frozen"]:
        yield Unplanned(d.key, facts["why"])
        return
    if d.actual.facts["foreign_items"]:
        yield Unplanned(
            d.key, f"{facts['why']} It also has items that Stigg does not know. Remove them, or cancel it in Stripe."
        )
        return
    decision = decide(ending_of(draft, d))
    if decision.kind != EndingStep.CANCEL:
        yield Unplanned(d.key, f"{facts['why']} {decision.why}")
        return
    yield from release_schedule(draft, d)
    items = items_of(d.actual.document)
    after: Document = {"status": SubscriptionStatus.CANCELED.value, "ended_in_stigg": facts["end"]}
    if facts.get("between"):
        after["ended_between"] = facts["between"]
    action = draft.action(
        d, ActionKind.SUBSCRIPTION_CANCEL, Lane.SUBSCRIPTIONS, after, before={"items": items},
        cause="renewed_after_end" if decision.sold_after else "ended", verb="Cancel",
        per_month=difference({}, draft.book.per_month(items)),
    )  # fmt: skip
    yield structs.replace(action, noted={"own_stops": sorted(draft.policy.own_stops & ids_of(d))})


def ids_of(d: Changed) -> set[str]:
    """Return the ids of the drafts and open invoices of a subscription that the mirror has."""
    return {invoice["id"] for invoice in d.actual.facts["unfinished"]}


def ending_of(draft: Draft, d: Changed) -> Ending:
    """Return what the mirrors say of an end (domain/actual/stigg_end.py where Stigg gives no date)."""
    facts, now = d.actual.facts, draft.policy.now
    return Ending(
        end=d.target.facts["end"] or now,
        renewed=facts["renewed"],
        next_renewal=min((end for _, end in item_periods(d)), default=now),
        now=now,
        invoices=tuple(
            Collected(**invoice | {"is_ours": invoice["id"] in draft.policy.own_stops})
            for invoice in facts["unfinished"]
        ),
        unproven=any(is_unproven(draft, item) for item in facts["items"].values()),
    )


def release_schedule(draft: Draft, d: Changed) -> Iterator[Action]:
    """A schedule would undo what we write, or what we end: it is released first, always by a person's approval."""
    schedule = d.actual.facts.get("schedule")
    if schedule:
        yield draft.action(
            d, ActionKind.SCHEDULE_RELEASE, Lane.SUBSCRIPTIONS, {"schedule": None}, before={"schedule": schedule},
            cause="scheduled", verb="Release the schedule of",
        )  # fmt: skip


def change_subscription(draft: Draft, d: Changed) -> Iterator[Outcome]:
    """The changed fields, in as many writes as there are causes."""
    payment = d.target.facts["payment"]
    if payment.get("incomplete"):
        yield Unplanned(d.key, f"{payment['processing']} Its changes are made after that.")
        return
    if has_shifted_renewals(d):
        yield Unplanned(
            d.key, "Its renewals moved when its end was removed. Correct its billing cycle in Stripe, or cancel it."
        )
    changes = list(change_items(draft, d))
    yield from (outcome for outcome in changes if isinstance(outcome, Unplanned))
    items = [outcome for outcome in changes if isinstance(outcome, Action)]
    beside = [name for name in d.fields if name in PLAIN and name not in COUPONS] if items else []
    if beside:  # what prorates nothing goes with the items, in one call
        before, after = sides(d, beside)
        last = items[-1]
        items[-1] = structs.replace(last, before={**(last.before or {}), **before}, after={**last.after, **after})
    plain = change_plain(draft, d, without=beside)
    outcomes = [*items, *plain, *change_end(draft, d), *note_anchor(draft, d), *switch_tax(draft, d)]
    if any(isinstance(outcome, Action) for outcome in outcomes):
        yield from release_schedule(draft, d)
    yield from outcomes


def change_plain(draft: Draft, d: Changed, *, without: list[str]) -> Iterator[Action]:
    """Yield the writes that prorate nothing: collection, discounts, one-off charges, the ownership marker."""
    changed = [name for name in d.fields if name in PLAIN and name not in without]
    if not changed:
        return
    if "once" in d.fields or "discounts" in d.fields:
        changed = [*(name for name in changed if name not in COUPONS), *COUPONS]
    before, after = sides(d, changed)
    cause = cause_of(d, changed)
    if any(name in changed for name in COUPONS):
        cause = "adoption" if not d.actual.facts.get("marked", True) else "discount"
        after["attach"] = d.target.facts["attach"]
        charged = list(one_off_items(draft, d))
        yield from charged
        if charged:
            after["charged"] = [action.target for action in charged]
    yield draft.action(
        d, ActionKind.SUBSCRIPTION_UPDATE, Lane.SUBSCRIPTIONS, after, before=before, cause=cause, verb="Update"
    )


def one_off_items(draft: Draft, d: Changed) -> Iterator[Action]:
    """One-off charges that came to a subscription which Stripe bills already: an invoice item each, once in its life."""
    environment = keys.LinkKey.parse(d.key).environment
    for token, item in sorted(d.target.facts["one_off"].items()):
        target = keys.link_key("oneoff", environment, keys.part(keys.entity_of(d.key)[1]), token)
        after = {"customer": d.target.document["customer"], "subscription": d.key, **item, **manual_tax(d)}
        if target not in draft.known:
            yield draft.action(
                d, ActionKind.INVOICE_ITEM_CREATE, Lane.SUBSCRIPTIONS, after, target=target, cause="one_off", verb="Charge once:",
                due_now=draft.book.one_interval([item]),
            )  # fmt: skip


def change_end(draft: Draft, d: Changed) -> Iterator[Outcome]:
    """Yield the write of its end. An end that a customer or a person set in Stripe is never undone automatically."""
    if "cancel_at" not in d.fields:
        return
    end, held = d.target.document.get("cancel_at"), d.actual.document.get("cancel_at")
    ours = held is None or d.actual.facts.get("asked_end") == held
    if not ours and (end is None or int(held or 0) <= int(end)):
        yield Unplanned(d.key, "It was canceled for a date in Stripe, and not by us; it is shown and never undone.")
        return
    after = {"cancel_at": end, "proration_behavior": "none"}
    if end and is_anchor_noted(d):
        after["anchor"] = str(d.actual.facts["anchor"])
    lost = difference({}, draft.book.per_month(items_of(d.actual.document))) if end else {}
    yield draft.action(
        d, ActionKind.SUBSCRIPTION_UPDATE, Lane.SUBSCRIPTIONS, after, before={"cancel_at": held},
        cause="cancel_at" if end else "resume", verb="Set the end of", per_month=lost,
    )  # fmt: skip


def switch_tax(draft: Draft, d: Changed) -> Iterator[Action]:
    """Plan automatic tax on a living subscription as a group of its own, since it changes the amount of its invoices.

    Tax that Stripe switched off for a missing location is switched on again by approval only (BILLING 9).
    """
    if "automatic_tax" in d.fields:
        before, after = sides(d, ["automatic_tax"])
        cause = "tax_again" if d.actual.facts.get("tax_disabled") else "tax"
        yield draft.action(
            d,
            ActionKind.SUBSCRIPTION_UPDATE,
            Lane.SUBSCRIPTIONS,
            after,
            before=before,
            cause=cause,
            verb="Switch on tax for",
        )


def change_items(draft: Draft, d: Changed) -> Iterator[Outcome]:
    """Changed items with their quantity and an explicit proration; usage that is not proven keeps its item."""
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
    due = remaining(draft, d, old, new, moment) if behavior == "always_invoice" else {}
    payment = d.target.facts["payment"]
    if d.target.document["collection_method"] == "charge_automatically":
        after["payment_behavior"] = "allow_incomplete" if payment.get("delayed") else "error_if_incomplete"
        if payment.get("delayed") and behavior == "always_invoice":
            cause = f"{cause}{AND}{BANK_DEBIT}"
    yield draft.action(
        d, ActionKind.SUBSCRIPTION_UPDATE, Lane.SUBSCRIPTIONS, after, before={"items": old}, cause=cause, verb="Change",
        due_now=due, per_month=more, paid_by=payment.get("paid_by", ""),
    )  # fmt: skip


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

"""Actions for subscriptions: what makes, changes and ends what a customer is billed (BILLING 6 and 7).

One difference may give several writes, each with a cause of its own, so that each is limited and approved as what it is:
items with their proration, the end of the subscription, tax. Every write says its proration explicitly.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import structs

from stripe_sync.core import keys
from stripe_sync.core.lanes import Lane
from stripe_sync.domain.drift.difference import Changed, Difference, Extra, Missing
from stripe_sync.domain.drift.rows import is_ending
from stripe_sync.domain.plan.actions import Action, ActionKind
from stripe_sync.domain.plan.writes.anchors import has_shifted_renewals, note_anchor
from stripe_sync.domain.plan.writes.catalog import sides
from stripe_sync.domain.plan.writes.context import Draft, Outcome, Unplanned, cause_of
from stripe_sync.domain.plan.writes.renewals import manual_tax
from stripe_sync.domain.plan.writes.schedules import release_schedule
from stripe_sync.domain.plan.writes.subscription_end import change_end, change_trial, end_subscription
from stripe_sync.domain.plan.writes.subscription_items import change_items

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
    elif "pause" in d.fields:
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
        d,
        ActionKind.SUBSCRIPTION_CREATE,
        Lane.SUBSCRIPTIONS,
        after,
        cause=cause,
        verb="Create",
        due_now=due,
        per_month=draft.book.per_month(items),
        paid_by=payment.get("paid_by", ""),
    )


def change_subscription(draft: Draft, d: Changed) -> Iterator[Outcome]:
    """Yield the writes of the changed fields, one a cause."""
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
    outcomes = [*items, *plain, *change_trial(draft, d), *change_end(draft, d)]
    outcomes += [*note_anchor(draft, d), *switch_tax(draft, d)]
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
    """Yield an invoice item for each one-off charge that a subscription of Stripe got later; once in its life."""
    environment = keys.LinkKey.parse(d.key).environment
    for token, item in sorted(d.target.facts["one_off"].items()):
        target = keys.link_key("oneoff", environment, keys.part(keys.entity_of(d.key)[1]), token)
        after = {"customer": d.target.document["customer"], "subscription": d.key, **item, **manual_tax(d)}
        if target not in draft.known:
            yield draft.action(
                d,
                ActionKind.INVOICE_ITEM_CREATE,
                Lane.SUBSCRIPTIONS,
                after,
                target=target,
                cause="one_off",
                verb="Charge once:",
                due_now=draft.book.one_interval([item]),
            )


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

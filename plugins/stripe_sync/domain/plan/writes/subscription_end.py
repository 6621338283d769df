"""Ends of subscriptions: canceled in order of time, or set for a later date (BILLING 6)."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import structs

from stripe_sync.core.clock import from_epoch
from stripe_sync.core.lanes import Lane
from stripe_sync.domain.actual.endings import Collected, Ending, EndingStep, decide
from stripe_sync.domain.drift.amounts import difference, items_of
from stripe_sync.domain.drift.difference import Changed
from stripe_sync.domain.model.documents import Document
from stripe_sync.domain.model.stripe_status import SubscriptionStatus
from stripe_sync.domain.plan.actions import ActionKind
from stripe_sync.domain.plan.writes.anchors import is_anchor_noted
from stripe_sync.domain.plan.writes.catalog import sides
from stripe_sync.domain.plan.writes.context import Draft, Outcome, Unplanned
from stripe_sync.domain.plan.writes.renewals import item_periods
from stripe_sync.domain.plan.writes.schedules import release_schedule
from stripe_sync.domain.plan.writes.subscription_items import is_unproven


def end_subscription(draft: Draft, d: Changed) -> Iterator[Outcome]:
    """Yield the cancellation in its order of time (domain/actual/endings.py), after the release of a schedule."""
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
        d,
        ActionKind.SUBSCRIPTION_CANCEL,
        Lane.SUBSCRIPTIONS,
        after,
        before={"items": items},
        cause="renewed_after_end" if decision.sold_after else "ended",
        verb="Cancel",
        per_month=difference({}, draft.book.per_month(items)),
    )
    yield structs.replace(action, noted={"own_stops": sorted(draft.policy.own_stops & ids_of(d))})


def ids_of(d: Changed) -> set[str]:
    """Return the ids of the drafts of a subscription in the mirror."""
    return {invoice["id"] for invoice in d.actual.facts["all_drafts"]}


def ending_of(draft: Draft, d: Changed) -> Ending:
    """Return the facts of both mirrors about an end (domain/actual/stigg_end.py where Stigg gives no date)."""
    facts, now = d.actual.facts, draft.policy.now
    return Ending(
        end=d.target.facts["end"] or now,
        renewed=facts["last_renewal"],
        next_renewal=min((end for _, end in item_periods(d)), default=now),
        now=now,
        invoices=tuple(
            Collected(**invoice | {"is_ours": invoice["id"] in draft.policy.own_stops})
            for invoice in facts["all_drafts"]
        ),
        unproven=any(is_unproven(draft, item) for item in facts["items"].values()),
    )


def change_trial(draft: Draft, d: Changed) -> Iterator[Outcome]:
    """Yield the write of a trial's end that Stigg moved; nothing is charged until then (BILLING 14).

    A trial that converted early is ended in Stripe by a person, since that charges the first period at once.
    """
    if "trial_end" in d.fields and d.target.document.get("trial_end") is None:
        end = from_epoch(int(d.actual.document["trial_end"]))
        yield Unplanned(
            d.key,
            f"It is paid in Stigg, and in trial in Stripe until {end:%Y-%m-%d %H:%M} UTC, so nothing is charged until then. "
            "End its trial in Stripe.",
        )
    elif "trial_end" in d.fields:
        before, after = sides(d, ["trial_end"])
        after["proration_behavior"] = "none"
        cause, verb = "trial_end", "Move the end of the trial of"
        yield draft.action(
            d, ActionKind.SUBSCRIPTION_UPDATE, Lane.SUBSCRIPTIONS, after, before=before, cause=cause, verb=verb
        )


def change_end(draft: Draft, d: Changed) -> Iterator[Outcome]:
    """Yield the write of a later end. An end that a customer or a person set in Stripe is never undone automatically."""
    if "cancel_at" not in d.fields:
        return
    end, held = d.target.document.get("cancel_at"), d.actual.document.get("cancel_at")
    ours = held is None or d.actual.facts.get("own_cancel_at") == held
    if not ours and (end is None or int(held or 0) <= int(end)):
        yield Unplanned(d.key, "It was canceled for a date in Stripe, and not by us; it is shown and never undone.")
        return
    after = {"cancel_at": end, "proration_behavior": "none"}
    if end and is_anchor_noted(d):
        after["anchor"] = str(d.actual.facts["anchor"])
    lost = difference({}, draft.book.per_month(items_of(d.actual.document))) if end else {}
    yield draft.action(
        d,
        ActionKind.SUBSCRIPTION_UPDATE,
        Lane.SUBSCRIPTIONS,
        after,
        before={"cancel_at": held},
        cause="cancel_at" if end else "resume",
        verb="Set the end of",
        per_month=lost,
    )

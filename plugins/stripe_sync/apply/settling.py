"""Calls of which nobody knows what became, and answers that Stripe repeats: both are looked into before anything is sent.

What was made is recorded. What was not is sent under the idempotency key of its intent, and under another one where Stripe
keeps an answer for that key which was no success (SB 7.1).
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from stripe_sync.apply.resource import Call
from stripe_sync.apply.resources.table import made_by
from stripe_sync.apply.results import Step
from stripe_sync.clients.stripe.client import Found, Written
from stripe_sync.core.errors import Replayed, RowFailed, Transient
from stripe_sync.domain.plan.actions import Action
from stripe_sync.warehouse.writes import journal
from stripe_sync.warehouse.writes.journal import Intent, Outcome

if TYPE_CHECKING:
    from stripe_sync.apply.executor import Executor

# Stripe forgets idempotency keys after a day; an older intent is never repeated under its key.
KEY_LIFE = timedelta(hours=23)


def settle(executor: Executor, lane: str, wanted: set[str]) -> None:
    """Find out what became of calls whose outcome nobody recorded, side by side.

    ``wanted`` are the hashes of the actions that the present plan applies: what was not made and is not among them is
    dropped, so nothing is done that the present does not ask for.
    """
    intents = journal.open_intents(executor.engine, executor.environment, lane)
    if not intents:
        return
    read_at = time.monotonic()

    def one(intent: Intent) -> Step | None:
        return settled(executor, aged(intent, since=read_at), wanted, since=read_at)

    with ThreadPoolExecutor(max_workers=executor.workers, thread_name_prefix=f"settle-{lane}") as pool:
        record(executor, filter(None, pool.map(one, intents)))


def aged(intent: Intent, *, since: float) -> Intent:
    """Return an intent with its age now; it was read at ``since`` of the monotonic clock."""
    return replace(intent, age=intent.age + timedelta(seconds=time.monotonic() - since))


def settled(executor: Executor, intent: Intent, wanted: set[str], *, since: float) -> Step | None:
    """Wait until the call of an intent cannot be under way, and look for what it made; None where nothing was.

    The step of an intent that could not be looked into is ``unknown``: it stays open.
    """
    time.sleep(max(0.0, executor.settle_seconds - intent.age.total_seconds()))
    try:
        found = made_by(Call(executor.api, intent.action, executor.registry), intent.since)
    except RowFailed as gone:
        executor.recorder.conclude(intent, Outcome("dropped", reason=gone.reason, detail=gone.detail))
        return None
    except Transient as lost:
        return executor.unknown(intent.action, lost)
    if found is not None:
        return concluded(executor, intent, found)
    again = intent.action.hash in wanted and not intent.action.noted  # what was noted is read again
    if again and aged(intent, since=since).age < KEY_LIFE:
        executor.reused[intent.action.hash] = intent
    else:
        executor.recorder.conclude(
            intent, Outcome("dropped", detail="Not found in Stripe, and no longer wanted as it was.")
        )
    return None


def concluded(executor: Executor, intent: Intent, found: Found, *, note: str = "") -> Step:
    """Conclude an intent with the object that its call made; where what follows could not be done, it stays open."""
    try:
        return executor.made(intent, Written(found.object, None), note=note)
    except (Replayed, Transient) as lost:
        return executor.unknown(intent.action, lost)


def record(executor: Executor, steps: Iterable[Step]) -> None:
    """Tell of what an interrupted run made, or of what nobody could look into, and remember it for the plan."""
    for step in steps:
        executor.settled[step.action.hash] = step
        is_made = step.result == "done"
        executor.progress(replace(step, detail="It was made by an interrupted run.") if is_made else step)


def unsettled(executor: Executor, action: Action) -> Step | None:
    """Return the step of an action on whose target an earlier call could not be looked into; it is not begun."""
    lost = (s for s in executor.settled.values() if s.result == "unknown" and s.action.target == action.target)
    earlier = next(lost, None)
    return replace(earlier, action=action) if earlier is not None else None


def looked_into(executor: Executor, action: Action, intent: Intent, old: Replayed) -> Step | None:
    """Return what a repeated answer comes to; None where nothing was made and the write needs another key.

    A repeated decline is a decline, and its rules say when it is asked again; but not where another payment method than
    that of the intent is to pay ``action`` by now.
    """
    try:
        found = made_by(Call(executor.api, intent.action, executor.registry), intent.since)
    except RowFailed as gone:
        return executor.refused(intent, gone)
    except Transient as lost:
        return executor.unknown(action, lost)
    if found is not None:
        return concluded(executor, intent, found, note=f"{old} It was made nevertheless.")
    if old.refused is not None and action.paid_by == intent.action.paid_by:
        return executor.refused(intent, old.refused)
    executor.recorder.conclude(
        intent, Outcome("dropped", detail=f"{old} Nothing was made; it is sent again under a new key.")
    )
    return None

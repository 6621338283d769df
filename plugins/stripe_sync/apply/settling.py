"""Recovery of calls with an unknown result, and of answers that Stripe repeats, before anything is sent.

A written object is recorded. Otherwise the call is sent under the idempotency key of its intent, or under a new key where
Stripe has stored an unsuccessful answer for that key (SB 7.1).
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from stripe_sync.apply.resource import Call
from stripe_sync.apply.resources.table import recovered
from stripe_sync.apply.results import Step
from stripe_sync.clients.stripe.answers import Found, Written
from stripe_sync.core.errors import EntityError, Replayed, Transient
from stripe_sync.core.lanes import Lane
from stripe_sync.core.reasons import ReasonCode
from stripe_sync.domain.plan.actions import Action
from stripe_sync.warehouse.writes import journal, leases
from stripe_sync.warehouse.writes.journal import Intent, Outcome

if TYPE_CHECKING:
    from stripe_sync.apply.executor import Executor

# Stripe deletes idempotency keys after a day; an older intent is never repeated under its key.
KEY_LIFE = timedelta(hours=23)


def has_open_intents(executor: Executor, lane: Lane) -> bool:
    """Return whether a lane has intents without an outcome."""
    return bool(journal.open_intents(executor.engine, executor.environment, lane))


def settle(executor: Executor, lane: str, permitted: set[str]) -> None:
    """Recover the open intents of a lane in parallel.

    ``permitted`` are the hashes of the actions that the current plan applies. An intent that was not written and is not among
    them is dropped.
    """
    intents = journal.open_intents(executor.engine, executor.environment, lane)
    if not intents:
        return
    read_at = time.monotonic()

    def one(intent: Intent) -> Step | None:
        return settled(executor, aged(intent, since=read_at), permitted, since=read_at)

    with ThreadPoolExecutor(max_workers=executor.workers, thread_name_prefix=f"settle-{lane}") as pool:
        record(executor, filter(None, pool.map(one, intents)))


def aged(intent: Intent, *, since: float) -> Intent:
    """Return an intent with its age now; it was read at ``since`` of the monotonic clock."""
    return replace(intent, age=intent.age + timedelta(seconds=time.monotonic() - since))


def settled(executor: Executor, intent: Intent, permitted: set[str], *, since: float) -> Step | None:
    """Wait until the call of an intent has ended, and look its object up; return None where it does not exist.

    If the lookup fails, the step is ``unknown`` and the intent stays open.
    """
    time.sleep(max(0.0, executor.settle_seconds - intent.age.total_seconds()))
    try:
        found = recovered(Call(executor.api, intent.action, executor.link_index), intent.since)
    except EntityError as gone:
        executor.recorder.conclude(intent, Outcome("dropped", reason=gone.reason, detail=gone.detail))
        return None
    except Transient as lost:
        return executor.unknown(intent.action, lost)
    if found is not None:
        return waiting_follow_up(executor, intent.action) or concluded(executor, intent, found)
    again = intent.action.hash in permitted and not intent.action.noted  # noted facts are read again
    if again and aged(intent, since=since).age < KEY_LIFE:
        executor.reused[intent.action.hash] = intent
    else:
        executor.recorder.conclude(intent, Outcome("dropped", detail="Not found in Stripe, and no longer planned."))
    return None


def waiting_follow_up(executor: Executor, action: Action) -> Step | None:
    """Return the step of a written action whose follow-up waits until its lane may write again; None where it is performed now.

    The intent stays open.
    """
    if executor.handlers[action.kind].finish is None:
        return None
    waits = "It was written by an interrupted run, and its follow-up waits"
    if why := leases.pause_reason(executor.engine, executor.environment, action.lane):
        return Step(action, "paused", ReasonCode.PAUSED, f"{waits}: lane {action.lane} is paused: {why}.")
    if why := executor.observed.get(action.lane):
        return Step(action, "paused", ReasonCode.OBSERVED_ONLY, f"{waits}: {why}")
    return None


def concluded(executor: Executor, intent: Intent, found: Found, *, note: str = "") -> Step:
    """Conclude an intent with its written object; where the follow-up fails, the intent stays open."""
    try:
        return executor.record_success(intent, Written(found.object, None), note=note)
    except (Replayed, Transient) as lost:
        return executor.unknown(intent.action, lost)


def record(executor: Executor, steps: Iterable[Step]) -> None:
    """Store and report recovered and unknown results."""
    for step in steps:
        executor.settled[step.action.hash] = step
        is_made = step.result == "done"
        executor.progress(replace(step, detail="It was written by an interrupted run.") if is_made else step)


def waiting_steps(executor: Executor) -> list[Step]:
    """Return the steps of written actions that the plan does not have and whose follow-up waits."""
    planned = {action.hash for action in executor.actions}
    return [step for hash, step in executor.settled.items() if step.result == "paused" and hash not in planned]


def unrecovered_step(executor: Executor, action: Action) -> Step | None:
    """Return the step of an action whose target has an open intent that could not be recovered; it is not started."""
    lost = (s for s in executor.settled.values() if s.result == "unknown" and s.action.target == action.target)
    earlier = next(lost, None)
    return replace(earlier, action=action) if earlier is not None else None


def looked_into(executor: Executor, action: Action, intent: Intent, old: Replayed) -> Step | None:
    """Return what a repeated answer comes to; None where nothing was made and the write needs another key.

    A repeated decline is a decline, and its rules say when it is attempted again; but not where another payment method than
    that of the intent is to pay ``action`` by now.
    """
    try:
        found = recovered(Call(executor.api, intent.action, executor.link_index), intent.since)
    except EntityError as gone:
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

"""Executes actions: each once, in order, under a lease, with an intent before and an outcome after.

An action is written only if it is permitted, its dependencies were written, its lane is not paused, and it was not written
before. A failed action does not stop the others; actions that depend on it stay pending.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby

from sqlalchemy import Engine

from stripe_sync.apply import settling
from stripe_sync.apply.admission import held_back, skipped, unprepared
from stripe_sync.apply.current import as_it_is
from stripe_sync.apply.declined import Declines
from stripe_sync.apply.links import LinkIndex
from stripe_sync.apply.permits import Permits
from stripe_sync.apply.previews import ExpectedAmounts
from stripe_sync.apply.processing import debit_of, latest_invoice
from stripe_sync.apply.recording import Recorder
from stripe_sync.apply.resource import Call, Handler
from stripe_sync.apply.resources.table import HANDLERS
from stripe_sync.apply.results import FollowUp, Step
from stripe_sync.clients.stripe.answers import Found, Written
from stripe_sync.clients.stripe.client import StripeApi
from stripe_sync.core.errors import EntityError, NotReady, Replayed, StripeSyncError, Transient
from stripe_sync.core.lanes import Lane
from stripe_sync.core.reasons import ReasonCode
from stripe_sync.domain.plan.actions import LANES, Action, ActionKind, plan_hash
from stripe_sync.domain.plan.declines import left_open, may_charge, waiting_message
from stripe_sync.domain.plan.guards import Decision
from stripe_sync.warehouse.plans.failures import Failure
from stripe_sync.warehouse.writes import journal, leases
from stripe_sync.warehouse.writes.journal import Intent, Outcome
from stripe_sync.warehouse.writes.leases import Lease

# The holder of a lane has waited for the previous lease to end; calls under that lease have ended by then.
SETTLE_SECONDS = leases.SECONDS
KEYS = 3  # idempotency keys of one write in one run, at most


@dataclass
class Executor:
    """Executes one list of actions: journals, sends and verifies each action once.

    ``lease`` is a lease that the caller already holds; if None, each lane's lease is acquired in turn.
    ``settle_seconds`` is the time after which a call without an answer counts as finished, so that its result can be looked
    up. With ``is_approved`` a person approved the actions; ``amounts`` are those that they may invoice at once. ``observed`` has the lanes that only look results up, with the reason.
    """

    engine: Engine
    api: StripeApi
    link_index: LinkIndex
    environment: str
    run_id: str
    actions: Sequence[Action]
    permits: Permits
    now: datetime
    quarantined: Mapping[str, Failure] = field(default_factory=dict)
    keep_answers: frozenset[str] = frozenset()
    is_approved: bool = False
    amounts: ExpectedAmounts = field(default_factory=ExpectedAmounts)
    lanes: tuple[Lane, ...] = LANES
    observed: Mapping[Lane, str] = field(default_factory=dict)
    lease: Lease | None = None
    workers: int = 8
    settle_seconds: float = SETTLE_SECONDS
    handlers: Mapping[ActionKind, Handler] = field(default_factory=lambda: HANDLERS)
    progress: Callable[[Step], None] = lambda step: None
    steps: dict[str, Step] = field(default_factory=dict)
    reused: dict[str, Intent] = field(default_factory=dict)
    settled: dict[str, Step] = field(default_factory=dict)
    stopped: threading.Event = field(default_factory=threading.Event)
    plan_hash: str = field(init=False)
    declines: Declines = field(init=False)
    recorder: Recorder = field(init=False)

    def __post_init__(self) -> None:
        self.plan_hash = plan_hash(self.environment, self.actions)  # calculated once, over all actions
        self.declines = Declines(
            self.engine,
            self.api.in_lane(Lane.SUBSCRIPTIONS),
            self.link_index,
            self.environment,
            self.now,
            self.is_approved,
        )
        self.recorder = Recorder(self.engine, self.environment, self.now, self.declines, self.keep_answers)

    def run(self) -> list[Step]:
        """Write the permitted actions lane by lane; return the result of each action, in the given order."""
        before = journal.concluded(self.engine, self.environment, self.run_id)
        for lane in self.lanes:
            todo = [a for a in self.actions if a.lane == lane]
            permitted = {a.hash for a in todo if self.permits.of(a) == Decision.APPLY}
            if not permitted and not settling.has_open_intents(self, lane):
                self.record([skipped(a, self.permits.of(a)) for a in todo])
                continue
            with self.leased(lane) as lease:
                settling.settle(self, lane, permitted)
                for _, stage in groupby(todo, key=lambda a: a.kind):
                    self.stage(list(stage), before, lease)
        return [self.steps[a.hash] for a in self.actions]

    def leased(self, lane: Lane) -> AbstractContextManager[Lease]:
        """Return the given lease, or acquire the lane's."""
        if self.lease is not None:
            return nullcontext(self.lease)
        return leases.held(self.engine, self.environment, lane, holder=self.run_id)

    def record(self, steps: list[Step]) -> None:
        """Store and report the results of actions."""
        for step in steps:
            self.steps[step.action.hash] = step
            self.progress(step)

    def stage(self, actions: list[Action], before: Mapping[str, Outcome], lease: Lease) -> None:
        """Write the actions of one kind in parallel; those with the same ``serial`` one after another."""
        ordered = sorted(actions, key=lambda a: a.serial)
        queues = [list(queue) for _, queue in groupby(ordered, key=lambda a: a.serial)]

        def work(queue: list[Action]) -> list[Step]:
            return [self.unless_stopped(a, before.get(a.hash), lease) for a in queue]

        with ThreadPoolExecutor(max_workers=self.workers, thread_name_prefix=lease.lane) as pool:
            for steps in pool.map(work, queues):
                self.record(steps)

    def unless_stopped(self, action: Action, earlier: Outcome | None, lease: Lease) -> Step:
        """Write one action. After a fatal error no action is started; calls in progress are finished."""
        if self.stopped.is_set():
            return Step(action, "blocked", ReasonCode.BLOCKED_BY, "The run was stopped.")
        try:
            return held_back(self, action, earlier, lease) or self.write(action, lease)
        except BaseException:
            self.stopped.set()
            raise

    def write(self, action: Action, lease: Lease) -> Step:
        """Write one action under an intent; where Stripe repeats an old error, under a new intent and idempotency key."""
        prepared = self.prepared(action)
        if isinstance(prepared, Step):
            return prepared
        action = prepared
        intent = self.intended(action, lease)
        for last in (*[False] * (KEYS - 1), True):
            try:
                return self.record_success(intent, self.send(intent))
            except EntityError as failure:
                return self.refused(intent, failure)
            except Replayed as old:
                if last:
                    return self.unknown(action, old)
                if step := settling.looked_into(self, action, intent, old):
                    return step
                intent = self.intended(action, lease)
            except Transient as lost:
                return self.unknown(action, lost)
        raise AssertionError("the last key ends the loop")

    def prepared(self, action: Action) -> Action | Step:
        """Return the action with its noted facts, or the step of an action that is not started."""
        prepare = self.handlers[action.kind].prepare
        try:
            if why := self.amounts.reason(self.call(action)):
                return Step(action, "waiting", ReasonCode.AMOUNT_CHANGED, why)
            return prepare(self.call(action), self.now) if prepare else action
        except EntityError as failure:
            return unprepared(action, failure)
        except Transient as lost:
            return Step(action, "waiting", ReasonCode.WAITS_FOR_WRITE, str(lost))

    def intended(self, action: Action, lease: Lease) -> Intent:
        """Return the open intent of an earlier run, once, or commit one. Raises NotReady where the lease ended or was taken over."""
        again = self.reused.pop(action.hash, None)
        if again is not None and leases.is_current(self.engine, lease):
            return again
        intent = journal.intend(self.engine, self.environment, self.run_id, self.plan_hash, action, epoch=lease.epoch)
        if intent is None:
            raise NotReady(f"The lease of lane {lease.lane} ended or was taken over. The next run continues.")
        return intent

    def send(self, intent: Intent) -> Written:
        """Send the call of an intent."""
        return self.handlers[intent.action.kind].send(self.call(intent.action), intent.idempotency_key)

    def call(self, action: Action) -> Call:
        """Return the call of an action."""
        return Call(self.api.in_lane(action.lane), action, self.link_index)

    def unknown(self, action: Action, lost: StripeSyncError) -> Step:
        """Return the step of a call with an unknown result: the intent stays open, and the next run recovers it first."""
        return Step(action, "unknown", ReasonCode.UNVERIFIED, f"{lost} The next run looks its result up.")

    def refused(self, intent: Intent, failure: EntityError) -> Step:
        """Record a refusal; for a declined payment also its next attempt and the invoice that the call left."""
        outcome = Outcome("refused", reason=failure.reason, detail=failure.detail)
        if failure.reason != ReasonCode.PAYMENT_FAILED or not may_charge(intent.action):
            self.recorder.conclude(intent, outcome)
            return Step(intent.action, "refused", ReasonCode(failure.reason), failure.detail)
        try:
            decline = self.declines.refused(intent, failure)
        except (EntityError, Transient) as lost:
            # The intent stays open: the next run gets the same refusal under its key.
            return Step(intent.action, "unknown", ReasonCode.UNVERIFIED, f"{failure.detail} {lost}")
        self.recorder.conclude(intent, outcome, decline)
        is_collected = decline.invoice in self.declines.collected
        detail = left_open(decline, "open", is_collected=is_collected) if decline.invoice else waiting_message(decline)
        return Step(intent.action, "refused", ReasonCode.PAYMENT_FAILED, detail)

    def finished(self, intent: Intent) -> FollowUp:
        """Perform the follow-up of a successful call."""
        finish = self.handlers[intent.action.kind].finish
        if finish is None:
            return FollowUp()
        try:
            return finish(self.call(intent.action), intent.idempotency_key, self.now)
        except EntityError as refused:
            return FollowUp((f"It was written, and its follow-up was refused: {refused}",))

    def record_success(self, intent: Intent, written: Written, *, note: str = "") -> Step:
        """Record a successful call and compare its answer with the action. ``note`` goes into the journal."""
        action, id, call = intent.action, str(written.object["id"]), self.call(intent.action)
        held = as_it_is(call.api, written)
        try:
            follow_up = self.finished(intent)
        except (Replayed, Transient) as lost:
            # The intent stays open: the next run finds the written object and does the follow-up.
            return self.unknown(action, lost)
        intent = follow_up.noted_in(intent)
        if action.kind.is_creation:
            self.link_index.add(action.target, id)
        fields = self.handlers[action.kind].resource.differences(call, Found(held))
        wrong = (*fields, *self.amounts.differences(action, latest_invoice(Found(held))))
        held, invoice, debit = debit_of(call.api, action, held)
        differs = f"Stripe's answer differs in {', '.join(wrong)}." if wrong else ""
        detail = " ".join(filter(None, (differs, debit, *follow_up.messages)))
        noted = " ".join(filter(None, (note, written.note, detail)))
        self.recorder.conclude(intent, Outcome("done", stripe_id=id, request_id=written.request_id, detail=noted))
        if self.keep_answers:
            self.recorder.keep(action, self.handlers[action.kind].resource.name, answer=held, invoice=invoice)
        reason = ReasonCode.UNVERIFIED if wrong else ReasonCode.PAYMENT_PROCESSING if debit else ReasonCode.NONE
        return Step(intent.action, "done", reason, detail, stripe_id=id, unverified=wrong)

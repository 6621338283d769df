"""Step ``usage_lines``: lines and events that drafts should have are written; windows that Stripe's answers prove are moved."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

from stripe_sync.apply.permits import Permits
from stripe_sync.apply.results import Step
from stripe_sync.core.lanes import Lane
from stripe_sync.domain.plan.actions import Plan
from stripe_sync.domain.usage.bills import Invoice
from stripe_sync.domain.usage.decide import lines
from stripe_sync.domain.usage.decide.line_permits import decide_permits, jumps
from stripe_sync.domain.usage.decide.lines import DraftReconciliation, WriteResult
from stripe_sync.domain.usage.decide.meters import EVENT
from stripe_sync.domain.usage.ledger import BILLABLE, UsageState
from stripe_sync.domain.usage.windows import Timeline, Window
from stripe_sync.jobs.inputs.direct_writes import write
from stripe_sync.jobs.inputs.invoices import read_one
from stripe_sync.jobs.inputs.readings import Readings
from stripe_sync.jobs.runtime.answers import answered
from stripe_sync.jobs.runtime.approvals import request_approvals
from stripe_sync.jobs.runtime.context import Run, Session
from stripe_sync.jobs.runtime.results.usage import FoundDue, LineCounts, WrittenLines
from stripe_sync.jobs.runtime.step import result_or, step
from stripe_sync.jobs.usage.ended_subscriptions import removals
from stripe_sync.jobs.usage.final_invoice import make_final_invoices, switch_on
from stripe_sync.jobs.usage.meter_events import MeterObjects, read_metered
from stripe_sync.jobs.usage.minimum_spend import with_covered
from stripe_sync.jobs.usage.permissions import entity_of, leased, may_write, owner_of
from stripe_sync.jobs.usage.surplus import place
from stripe_sync.warehouse.engine import connect_to_read
from stripe_sync.warehouse.plans import approvals
from stripe_sync.warehouse.usage import movements, usage_invoices, usage_windows
from stripe_sync.warehouse.writes.leases import Lease


@step(WrittenLines)
def usage_lines(session: Session, run: Run) -> WrittenLines:
    """Write the lines of all drafts that are due, and move in the ledger what Stripe's answers prove."""
    due = result_or(session, run, FoundDue())
    if not due.is_any_due:
        return WrittenLines()
    if not may_write(session, run, due.observed):
        return WrittenLines(waits=["The lane usage is in mode observe (modes.usage)."])
    readings = Readings()
    with leased(session, run) as lease:
        alerts = make_final_invoices(session, run, lease, readings, due.left_out)
        reconciled = load_drafts(session, run, lease, readings, due.left_out)
        store_unproven(session, run, reconciled)
        permits, waits, requested = permit(session, run, reconciled)
        actions = [action for draft in reconciled for action in draft.actions]
        steps = {s.action.hash: s for s in write(session, run, actions, lease, permits)}
        proven = sum(store_proof(session, run, draft, steps) for draft in reconciled)
        write(session, run, removals(session), lease)
        alerts += switch_on(session, run, lease, readings, due.left_out)
    finish_approvals(session, steps)
    results = [write_result(step) for step in steps.values()]
    return WrittenLines(
        waits=waits,
        refused=lines.refusals(reconciled, results),
        asked=requested,
        pages=[*alerts, *readings.sentences()],
        summary=LineCounts(lines=dict(Counter(written.result for written in results)), proven=proven),
    )


def load_drafts(
    session: Session, run: Run, lease: Lease, readings: Readings, left_out: Collection[str]
) -> list[DraftReconciliation]:
    """Return the drafts of windows that were read, with what they should bill.

    A failed reading leaves out its subscription, as do those that failed before (``left_out``).
    """
    name = session.environment.name
    with connect_to_read(session.engine) as connection:
        read = usage_windows.in_states(connection, name, (*BILLABLE, UsageState.WAIVED))
        windows = [window for window in read if window.subscription not in left_out]
        invoices = usage_invoices.may_bill(connection, name, windows)
    by_draft = lines.windows_by_draft(windows, invoices)
    covered: dict[str, Invoice] = {}
    for invoice in invoices:
        with readings.of(invoice.subscription):
            covered[invoice.invoice] = with_covered(session, invoice, by_draft.get(invoice.invoice, ()))
    by_draft = {id: its for id, its in by_draft.items() if id in covered}
    invoices = list(covered.values())
    placed = place(session, run, lease, by_draft, invoices, readings)
    owner, drafts = owner_of(session), []
    for id, its in sorted(placed.windows.items()):
        invoice = placed.invoices[id]
        entity = entity_of(session, invoice.subscription)
        drafts.append(lines.reconcile(invoice, its, owner=owner, entity=entity, waits=placed.waits.get(id, "")))
    return read_fresh(session, run, drafts, readings)


def read_fresh(
    session: Session, run: Run, drafts: Iterable[DraftReconciliation], readings: Readings
) -> list[DraftReconciliation]:
    """Return the drafts as they are at this moment, with what their meters have counted."""
    known: MeterObjects = {}
    found: list[DraftReconciliation] = []
    for draft in drafts:
        with readings.of(draft.invoice.subscription):
            fresh = read_again(session, draft) if draft.is_read_again() else draft
            found += [with_meters(session, run, fresh, known)] if fresh.is_draft() else []
    return found


def with_meters(session: Session, run: Run, draft: DraftReconciliation, known: MeterObjects) -> DraftReconciliation:
    """Return a draft with what its meters have counted; those that are proven are read again where more was used since."""
    return draft.with_metered(read_metered(session, run, draft.invoice, draft.open_windows, known))


def read_again(session: Session, draft: DraftReconciliation) -> DraftReconciliation:
    """Return the draft as it is at this moment."""
    invoice = read_one(session, draft.invoice)
    if invoice is None:
        return draft
    return lines.as_read(draft, with_covered(session, invoice, draft.windows), owner=owner_of(session))


def store_unproven(session: Session, run: Run, reconciled: Iterable[DraftReconciliation]) -> None:
    """Move windows back whose lines were removed from their draft or changed there."""
    with session.engine.begin() as connection:
        movements.store(connection, lines.decide_unproven(reconciled), at=run.now, run_id=run.id)


def permit(
    session: Session, run: Run, reconciled: Sequence[DraftReconciliation]
) -> tuple[Permits, Sequence[str], list[str]]:
    """Return (the permits of the actions; why some of it waits; the sets that a person is to approve from now on)."""
    environment = run.narrowed(session.environment)
    approved = approved_hashes(session)
    largest = load_largest(session, [w for draft in reconciled for w in jumps(draft, environment)])
    decided = decide_permits(reconciled, environment, answered=answered(session), approved=approved, largest=largest)
    plan = Plan(environment=environment.name, actions=[action for draft in reconciled for action in draft.actions])
    return Permits(decided.decisions), decided.waits, request_approvals(session, run, plan, decided.groups)


def load_largest(session: Session, windows: Iterable[Window]) -> dict[Timeline, int]:
    """Return the amount of the largest billed window of the charges of some windows, minor units."""
    with connect_to_read(session.engine) as connection:
        return {
            (w.subscription, w.charge): usage_windows.largest_billed(connection, session.environment.name, w)
            for w in windows
        }


def approved_hashes(session: Session) -> frozenset[str]:
    """Return the hashes of the actions that a person approved."""
    with connect_to_read(session.engine) as connection:
        found = approvals.approved_sets(connection, session.environment.name, lane=Lane.USAGE)
    return frozenset(action for actions in found.values() for action in actions)


def finish_approvals(session: Session, steps: Mapping[str, Step]) -> None:
    """Finish the approved sets, which are applied once; an action that is not planned any more is dropped."""
    name = session.environment.name
    with session.engine.begin() as connection:
        for hash, actions in approvals.approved_sets(connection, name, lane=Lane.USAGE).items():
            results: dict[str, int] = defaultdict(int)
            for action in actions:
                results[steps[action].result if action in steps else "dropped"] += 1
            approvals.applied(connection, name, hash, results)


def write_result(step: Step) -> WriteResult:
    """Return what became of an action as the decisions take it."""
    return WriteResult(
        action=step.action.hash,
        cause=step.action.cause,
        result=step.result,
        is_event=step.action.noun == EVENT,
        is_verified=not step.unverified,
        detail=step.detail,
    )


def store_proof(session: Session, run: Run, draft: DraftReconciliation, steps: Mapping[str, Step]) -> int:
    """Move the windows of a draft as the results of its writes prove them; return how many are proven."""
    proof = lines.decide_proof(draft, [write_result(steps[action.hash]) for action in draft.actions])
    with session.engine.begin() as connection:
        movements.store(connection, proof.drains, at=run.now, run_id=run.id)
    return proof.proven

"""The plan of a comparison: actions from drift alone, what they cost, and the guards' word on each group."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import structs

from stripe_sync.core import keys
from stripe_sync.core.clock import epoch
from stripe_sync.core.lanes import Lane
from stripe_sync.domain.drift.amounts import PriceBook
from stripe_sync.domain.plan import builder
from stripe_sync.domain.plan.actions import Plan
from stripe_sync.domain.plan.approvals import granted
from stripe_sync.domain.plan.guards import Decision, GuardContext, GuardResult, evaluate_guards
from stripe_sync.domain.plan.writes.context import Policy
from stripe_sync.jobs.inputs.links import known_to, link_index_of
from stripe_sync.jobs.reconcile.outgoing_invoices import with_invoices
from stripe_sync.jobs.reconcile.plan_batch import select_batch
from stripe_sync.jobs.reconcile.previews import previewed
from stripe_sync.jobs.runtime.answers import answered
from stripe_sync.jobs.runtime.approvals import approved_actions
from stripe_sync.jobs.runtime.context import Run, Session
from stripe_sync.jobs.runtime.results.reconcile import PlanCounts, Planned
from stripe_sync.jobs.runtime.step import step
from stripe_sync.warehouse.comparisons import comparisons, drift_rows, links
from stripe_sync.warehouse.engine import connect_to_read
from stripe_sync.warehouse.plans import plans
from stripe_sync.warehouse.usage import usage_windows
from stripe_sync.warehouse.usage.draft_holds import own_stops
from stripe_sync.warehouse.writes import journal

LANE_OF = {
    "product": Lane.CATALOG,
    "price": Lane.CATALOG,
    "coupon": Lane.CATALOG,
    "customer": Lane.CUSTOMERS,
    "subscription": Lane.SUBSCRIPTIONS,
}
CHANGED_DURING_READ = "It changed while both sides were read; the next run takes it up."


@step(Planned)
def plan(session: Session, run: Run, *, comparison: int, read_only_reason: str = "") -> Planned:
    """Build, price, evaluate and store the plan of a run."""
    environment = run.narrowed(session.environment)
    with session.engine.begin() as connection:
        taken = select_batch(session, run, connection, comparison)
        differences = taken.differences
        drift = drift_rows.load_drift(connection, comparison, keys={d.key for d in differences})
        owners = {keys.owner(d.key) for d in differences}
        contents = comparisons.documents_with_content(connection, comparison, owners) if differences else ()
        book = PriceBook.of(contents)
        known = known_to(session, connection, differences) if differences else {}
        link_index = link_index_of(session, connection, known)
        proven, settled = usage_windows.finished_items(connection, environment.name)
        stops = own_stops(connection, environment.name) if differences else frozenset()
    policy = Policy(
        environment.stripe.upgrade_proration,
        environment.stripe.downgrade_proration,
        epoch(run.now),
        proven,
        settled,
        stops,
    )
    made, unplanned = builder.build(
        environment.name, differences=differences, drift=drift, book=book, known=frozenset(known), policy=policy
    )
    made = previewed(session, made, differences, link_index)
    guard_results = evaluate_plan(session, run, made, read_only_reason, by_lane(taken.deferred))
    made = with_invoices(session, made, guard_results, link_index, now=run.now)
    with session.engine.begin() as connection:
        plans.store(
            connection,
            run.id,
            comparison=comparison,
            planned_at=run.now,
            plan=made,
            guard_results=guard_results,
            unplanned=unplanned | dict.fromkeys(taken.moving, CHANGED_DURING_READ),
        )
    summary = PlanCounts(
        actions=len(made.actions),
        by_group={guard_result.group: len(guard_result.actions) for guard_result in guard_results},
        waiting=sum(len(v.actions) for v in guard_results if v.decision != Decision.APPLY),
        unplanned=len(unplanned) + len(taken.moving),
    )
    return Planned(plan=made.hash, upto=taken.cursor, beyond=taken.deferred, summary=summary)


def evaluate_plan(
    session: Session, run: Run, made: Plan, read_only_reason: str, deferred: Mapping[str, int]
) -> list[GuardResult]:
    """The guards' word on each group; a run that applies an approval makes its actions and no others."""
    approval = run.params.approval
    if not made.actions and not approval:
        return []
    guard_results = evaluate_guards(
        made, run.narrowed(session.environment), guard_context(session, run, read_only_reason, deferred)
    )
    return granted(guard_results, approved_actions(session, approval), made) if approval else guard_results


def guard_context(session: Session, run: Run, read_only_reason: str, deferred: Mapping[str, int]) -> GuardContext:
    """Return the current facts that guards evaluate a plan with."""
    midnight = run.now.replace(hour=0, minute=0, second=0, microsecond=0)
    written = journal.written_since(session.engine, session.environment.name, midnight)
    with connect_to_read(session.engine) as connection:
        linked = by_lane(links.counts(connection, session.environment.name))
    return structs.replace(
        answered(session), linked=linked, deferred=deferred, written_today=written, read_only_reason=read_only_reason
    )


def by_lane(by_kind: Mapping[str, int]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for kind, n in by_kind.items():
        lane = LANE_OF.get(kind, "")
        counts[lane] = counts.get(lane, 0) + n
    return counts

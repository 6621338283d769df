"""A plan in words, stage by stage: the very stages that the executor walks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stripe_sync.core.money import shown_all
from stripe_sync.domain.drift.rows import DriftRow, DriftState, by_object, format_value
from stripe_sync.domain.plan.actions import Plan
from stripe_sync.domain.plan.guards import Decision, GuardResult

WORDS = {
    Decision.APPLY: "applied automatically",
    Decision.WAIT: "waits for approval",
    Decision.OBSERVE: "observe mode: not applied",
}


def explain(
    plan: Plan, guard_results: Sequence[GuardResult], drift: Sequence[DriftRow], unplanned: dict[str, str]
) -> Iterator[str]:
    """The lines of the explanation: what differs, what would be written, and what holds it back."""
    differences = by_object(drift)
    yield f"{len(differences)} differences"
    for rows in differences:
        if rows[0].state != DriftState.DIFFERS:
            yield f"  {rows[0].sentence}"
            continue
        yield f"  {rows[0].kind} {rows[0].key.partition(':')[2]}"
        yield from (f"    {row.field}: {format_value(row.before)} -> {format_value(row.after)}" for row in rows)
    yield f"{len(plan.actions)} actions, plan {plan.hash}"
    for stage, actions in plan.stages():
        yield f"  {stage}: {len(actions)}"
        for action in actions:
            yield f"    {action.hash}  {action.sentence}"
    for guard_result in guard_results:
        money = f"due now {shown_all(guard_result.due_now)}, a month {shown_all(guard_result.per_month)}"
        yield f"  {guard_result.group}: {len(guard_result.actions)} actions, {money}; {WORDS[guard_result.decision]}"
        yield from (f"    {refusal}" for refusal in guard_result.refusals)
    yield from (f"  not planned: {key}: {why}" for key, why in sorted(unplanned.items()))


def changes(old: Plan, new: Plan) -> Iterator[str]:
    """Yield the actions that only one of two plans has: added (``+``) and removed (``-``), in the order of stages."""
    before, after = ({action.hash for action in plan.actions} for plan in (old, new))
    yield f"{len(after - before)} actions came, {len(before - after)} went, {len(before & after)} are the same"
    for sign, plan, others in (("-", old, after), ("+", new, before)):
        for _, actions in plan.stages():
            yield from (f"  {sign} {a.hash}  {a.sentence}" for a in actions if a.hash not in others)

"""Permits of lines and events: those of a draft over the limits of the lane, or that a lane may not write, wait for a person. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from stripe_sync.core import money
from stripe_sync.core.lanes import Lane, Mode
from stripe_sync.core.settings import Environment
from stripe_sync.domain.plan.actions import Action
from stripe_sync.domain.plan.approvals import SHOWN
from stripe_sync.domain.plan.guards import Decision, GuardContext, GuardResult, lane_refusals
from stripe_sync.domain.usage.decide.lines import DraftReconciliation

PROPOSED = "The lane usage is in mode propose (modes.usage)."


@dataclass(frozen=True)
class LinePermits:
    """Decisions by the hash of an action, a sentence on each draft that waits, and the groups that wait for approval."""

    decisions: Mapping[str, Decision]
    waits: Sequence[str]
    groups: Sequence[GuardResult]


def decide_permits(
    reconciled: Iterable[DraftReconciliation],
    environment: Environment,
    *,
    answered: GuardContext,
    approved: Collection[str],
) -> LinePermits:
    """Decide which actions are made; a person who is to approve one of an invoice approves all of it.

    ``approved`` are the hashes of actions that a person approved.
    """
    of_lane = _lane_reasons(environment, answered)
    decisions: dict[str, Decision] = {}
    waits, groups = [], []
    for draft in reconciled:
        reasons = [*of_lane, *_limit_reasons(draft, environment)]
        waiting = [action for action in draft.actions if reasons and action.hash not in approved]
        decisions |= {a.hash: Decision.WAIT if a in waiting else Decision.APPLY for a in draft.actions}
        if waiting:
            waits.append(f"{draft.invoice.invoice}: {reasons[0]}")
            groups.append(_group(draft, waiting, reasons))
    return LinePermits(decisions, waits, groups)


def _lane_reasons(environment: Environment, answered: GuardContext) -> list[str]:
    if environment.mode(Lane.USAGE) != Mode.ENFORCE:
        return [PROPOSED]
    return lane_refusals(Lane.USAGE, environment, answered)


def _limit_reasons(draft: DraftReconciliation, environment: Environment) -> list[str]:
    """Return the sentence on a draft that bills more usage than the limit of its currency (major units in the settings)."""
    currency = draft.invoice.body["currency"]
    limits = {code: money.to_minor(amount, code) for code, amount in environment.limits.money("usage").items()}
    if currency not in limits or draft.amount <= limits[currency]:
        return []
    return [
        f"{money.shown(draft.amount, currency)} of usage are more than the {money.shown(limits[currency], currency)} "
        f"of environments.{environment.name}.limits.usage.{currency}."
    ]


def _group(draft: DraftReconciliation, waiting: Sequence[Action], reasons: Sequence[str]) -> GuardResult:
    currency = draft.invoice.body["currency"]
    return GuardResult(
        group=f"{Lane.USAGE}/{draft.invoice.invoice}",
        lane=Lane.USAGE,
        decision=Decision.WAIT,
        actions=[action.hash for action in waiting],
        due_now={currency: sum((action.due_now[currency] for action in waiting), Decimal(0))},
        per_month={},
        refusals=[*reasons, *(action.sentence for action in waiting[:SHOWN])],
    )

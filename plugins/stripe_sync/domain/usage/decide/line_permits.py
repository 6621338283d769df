"""Permits of lines and events: those of a draft over the limits of the lane, or that a lane may not write, wait for a person. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from stripe_sync.core import money
from stripe_sync.core.lanes import Lane, Mode
from stripe_sync.core.settings import Environment
from stripe_sync.domain.plan.actions import Action
from stripe_sync.domain.plan.approvals import SHOWN
from stripe_sync.domain.plan.guards import Decision, GuardContext, GuardResult, lane_refusals
from stripe_sync.domain.usage.decide.lines import DraftReconciliation
from stripe_sync.domain.usage.ledger import BILLABLE
from stripe_sync.domain.usage.windows import Timeline, Window

PROPOSED = "The lane usage is in mode propose (modes.usage)."
JUMP = 10  # times a charge's largest window so far
PLAUSIBLE, PLAUSIBLE_WITHOUT_DECIMALS = Decimal(10_000), Decimal(1_000_000)  # major units of a window


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
    largest: Mapping[Timeline, int],
) -> LinePermits:
    """Decide which actions are made; a person who is to approve one of an invoice approves all of it.

    ``approved`` are the hashes of actions that a person approved, ``largest`` the amounts of the largest window so far of the
    charges of ``jumps``, minor units.
    """
    of_lane = _lane_reasons(environment, answered)
    decisions: dict[str, Decision] = {}
    waits, groups = [], []
    for draft in reconciled:
        reasons = [*of_lane, *_limit_reasons(draft, environment), *_jump_reasons(draft, environment, largest)]
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
    currency = draft.invoice.stripe.currency
    limits = {code: money.to_minor(amount, code) for code, amount in environment.limits.money("usage").items()}
    if currency not in limits or draft.amount <= limits[currency]:
        return []
    return [
        f"{money.shown(draft.amount, currency)} of usage are more than the {money.shown(limits[currency], currency)} "
        f"of environments.{environment.name}.limits.usage.{currency}."
    ]


def jumps(draft: DraftReconciliation, environment: Environment) -> list[Window]:
    """Return the windows of a draft whose amount waits unless earlier ones were as large; none where its currency has a limit."""
    currency = draft.invoice.stripe.currency
    if currency in environment.limits.money("usage"):
        return []
    read = [w for w in draft.windows if w.state in BILLABLE and w.quantity is not None]
    return [w for w in read if w.terms.amount(w.quantity or Decimal(0)) > plausible(currency)]


def plausible(currency: str) -> Decimal:
    """Return the amount that a window may have without an earlier one, minor units (BILLING 6)."""
    has_decimals = money.exponent(currency) > 0 and currency not in money.WHOLE_UNITS
    return money.to_minor(PLAUSIBLE if has_decimals else PLAUSIBLE_WITHOUT_DECIMALS, currency)


def _jump_reasons(
    draft: DraftReconciliation, environment: Environment, largest: Mapping[Timeline, int]
) -> Iterator[str]:
    """Yield a sentence on each window that is over ten times its charge's largest one so far, and over a plausible amount."""
    for window in jumps(draft, environment):
        assert window.quantity is not None, "a window that was read"
        amount, before = window.terms.amount(window.quantity), largest.get((window.subscription, window.charge), 0)
        if amount > JUMP * before:
            currency = window.terms.currency
            yield (
                f"{money.shown(Decimal(amount), currency)} of {window} are more than {money.shown(plausible(currency), currency)} and "
                f"{JUMP} times its largest period so far ({money.shown(Decimal(before), currency)}); set "
                f"environments.{environment.name}.limits.usage.{currency} for another limit."
            )


def _group(draft: DraftReconciliation, waiting: Sequence[Action], reasons: Sequence[str]) -> GuardResult:
    currency = draft.invoice.stripe.currency
    return GuardResult(
        group=f"{Lane.USAGE}/{draft.invoice.invoice}",
        lane=Lane.USAGE,
        decision=Decision.WAIT,
        actions=[action.hash for action in waiting],
        due_now={currency: sum((action.due_now[currency] for action in waiting), Decimal(0))},
        per_month={},
        refusals=[*reasons, *(action.sentence for action in waiting[:SHOWN])],
    )

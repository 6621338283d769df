"""Guards: rules that a group of actions must pass to be applied. Each refusal states the rule, figure, limit and setting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import StrEnum

import msgspec

from stripe_sync.core.lanes import Lane, Mode
from stripe_sync.core.money import Amounts, shown, to_minor, total
from stripe_sync.core.settings import Environment, Limits
from stripe_sync.domain.plan.actions import Action, Plan
from stripe_sync.domain.plan.intervals import INTERVAL_USAGE


class Decision(StrEnum):
    """Answer of the guards to a group: it is applied, waits for approval, or is observed."""

    APPLY = "apply"
    WAIT = "wait"
    OBSERVE = "observe"


# Causes that always wait for a person, regardless of the limits, with the message for the person.
ALWAYS = {
    "late_start": "{n} subscriptions began more than {hours} hours ago: their creation always waits for a person.",
    "scheduled": "{n} subscriptions are managed by a schedule in Stripe: its release always waits for a person.",
    "tax_again": "Stripe switched automatic tax off for {n} subscriptions (TAX_LOCATION): switching it on again always waits "
    "for a person.",
    "bank_debit": "{n} changes would be paid by a bank debit, which fails days after the change is made: they always wait "
    "for a person.",
    INTERVAL_USAGE: "{n} changes of interval are of subscriptions that are billed for use, whose period they cut: they always "
    "wait for a person.",
    "renewed_short": "{n} renewals billed less than Stigg says (RENEWED_SHORT): that always waits for a person.",
    "renewed_long": "{n} renewals billed more than Stigg says (RENEWED_LONG): that always waits for a person.",
}


class GuardResult(msgspec.Struct, frozen=True, kw_only=True):
    """Result of the guards for one group: its decision, actions, amounts, and reasons for not applying it."""

    group: str
    lane: Lane
    decision: Decision
    actions: list[str]
    due_now: dict[str, Decimal]
    per_month: dict[str, Decimal]
    refusals: list[str] = []


class GuardContext(msgspec.Struct, frozen=True, kw_only=True):
    """Facts by lane that guards evaluate a plan with: linked objects, writes of today, and objects that are ``deferred``.

    Deferred objects differ and are left to a later plan.
    """

    linked: Mapping[str, int] = {}
    deferred: Mapping[str, int] = {}
    written_today: Mapping[str, int] = {}
    read_only_reason: str = ""
    open_questions: Mapping[str, Sequence[str]] = {}
    forbidden: Mapping[str, Sequence[str]] = {}
    waiting_causes: Mapping[str, str] = {}


def evaluate_guards(plan: Plan, environment: Environment, context: GuardContext) -> list[GuardResult]:
    """Return a result per group, in the plan's order: limits count the earlier groups of the lane that this run applies.

    Actions that depend on a waiting one are held back by the executor, not here.
    """
    results: list[GuardResult] = []
    applied: dict[Lane, list[Action]] = {}
    for group, actions in plan.groups().items():
        lane = actions[0].lane
        result = evaluate_group(group, actions, environment, context, earlier=applied.get(lane, ()))
        results.append(result)
        if result.decision == Decision.APPLY:
            applied.setdefault(lane, []).extend(actions)
    return results


def evaluate_group(
    group: str,
    actions: Sequence[Action],
    environment: Environment,
    context: GuardContext,
    *,
    earlier: Sequence[Action] = (),
) -> GuardResult:
    """Return the result of one group. ``earlier`` are the actions of its lane that the run already applies without a person."""
    lane = actions[0].lane
    due_now, per_month = total(a.due_now for a in actions), total(a.per_month for a in actions)
    refusals = [context.read_only_reason] if context.read_only_reason else []
    mode = Mode.OBSERVE if refusals else environment.mode(lane)
    if mode == Mode.ENFORCE:
        refusals += lane_refusals(lane, environment, context)
        refusals += [why for cause, why in context.waiting_causes.items() if cause in actions[0].causes]
        refusals += over_limits(actions, environment, context, earlier=earlier)
    elif not refusals:
        refusals.append(f"The lane {lane} is in mode {mode} (modes.{lane}).")
    decision = _decision(mode, refusals)
    return GuardResult(
        group=group,
        lane=lane,
        decision=decision,
        actions=[a.hash for a in actions],
        due_now=due_now,
        per_month=per_month,
        refusals=refusals,
    )


def _decision(mode: Mode, refusals: Sequence[str]) -> Decision:
    if mode == Mode.OBSERVE:
        return Decision.OBSERVE
    return Decision.WAIT if refusals else Decision.APPLY


def lane_refusals(lane: Lane, environment: Environment, context: GuardContext) -> list[str]:
    """Return the sentences with which open questions, and answers of probe, keep a lane from enforcing."""
    unanswered = context.open_questions.get(lane, ())
    waits = (
        f"{lane} may not enforce before these are answered by stripe-sync probe, or named in "
        f"environments.{environment.name}.accept_unknown: {', '.join(unanswered)}."
    )
    return [*([waits] if unanswered else []), *context.forbidden.get(lane, ())]


def over_limits(
    actions: Sequence[Action], environment: Environment, context: GuardContext, *, earlier: Sequence[Action]
) -> list[str]:
    """Return a message for every limit that a group exceeds: with the earlier actions where the limit is of the run or the day."""
    limits, lane = environment.limits, actions[0].lane
    where = f"environments.{environment.name}.limits"
    found = []
    for cause in actions[0].causes:
        if cause in ALWAYS:
            found.append(ALWAYS[cause].format(n=len(actions), hours=environment.stripe.late_start_hours))
    deferred = context.deferred.get(lane, 0)
    more = f" and {deferred} outside this plan" if deferred else ""
    if len(actions) + deferred > limits.actions:
        found.append(f"{len(actions)} actions{more} are more than the {limits.actions} of {where}.actions.")
    today = context.written_today.get(lane, 0) + len(earlier) + len(actions)
    if today > limits.day_actions:
        found.append(f"{today} writes of {lane} today are more than the {limits.day_actions} of {where}.day_actions.")
    deletes = sum(a.kind.is_end for a in (*earlier, *actions))
    if deletes > limits.deletes:
        found.append(f"{deletes} objects that end are more than the {limits.deletes} of {where}.deletes.")
    linked = context.linked.get(lane, 0)
    changes = sum(not a.kind.is_creation for a in actions)
    if linked and changes and changes + deferred > max(1.0, limits.share * linked):
        found.append(
            f"{changes}{more} of {linked} objects of {lane} are more than the share {limits.share} of {where}.share."
        )
    return found + over_money(actions, limits, where, earlier=earlier)


def over_money(actions: Sequence[Action], limits: Limits, where: str, *, earlier: Sequence[Action]) -> list[str]:
    """Return a message for each amount over a limit. Sums are of absolute amounts, so that increases do not offset decreases.

    A group without an amount of a currency exceeds no limit of it, however much the earlier ones have.
    """
    found = []
    for which in ("due_now", "per_month"):
        allowed = limits.money(which)
        own = total(absolute(getattr(action, which)) for action in actions)
        before = total(absolute(getattr(action, which)) for action in earlier)
        for currency in sorted(own):
            amount = own[currency] + before.get(currency, Decimal(0))
            limit = to_minor(allowed.get(currency, Decimal(0)), currency)
            if own[currency] and amount > limit:
                found.append(
                    f"{shown(amount, currency)} {which.replace('_', ' ')} is more than "
                    f"{shown(limit, currency)} of {where}.{which}.{currency}."
                )
    return found


def absolute(amounts: Amounts) -> dict[str, Decimal]:
    """Return amounts without their signs."""
    return {currency: abs(amount) for currency, amount in amounts.items()}

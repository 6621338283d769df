"""Approval requests: actions by their hashes, with their amounts (invariant 7).

An approval covers exactly these actions: the kind, target, before and after of each are in its hash. An approved action is
written only while the current plan still contains it unchanged.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal

import msgspec
from msgspec.structs import replace

from stripe_sync.core.lanes import Lane
from stripe_sync.core.money import shown_all, total
from stripe_sync.domain.plan.actions import Action, Plan
from stripe_sync.domain.plan.guards import Decision, GuardResult

SHOWN = 20


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """An approval request. Amounts are minor units by currency."""

    hash: str
    lane: Lane
    group: str
    actions: list[str]
    due_now: dict[str, Decimal]
    per_month: dict[str, Decimal]
    why: list[str]


def set_hash(environment: str, actions: Iterable[str]) -> str:
    """Return 16 hex digits over the environment and the hashes of the actions, in any order."""
    return hashlib.sha256(json.dumps([environment, sorted(actions)]).encode()).hexdigest()[:16]


def requests(plan: Plan, guard_results: Sequence[GuardResult], *, settled: Collection[str]) -> Iterator[Request]:
    """Yield a request per waiting group, without the actions that were requested or rejected before (``settled``)."""
    by_hash = {action.hash: action for action in plan.actions}
    for guard_result in guard_results:
        fresh = [hash for hash in guard_result.actions if hash not in settled]
        if guard_result.decision != Decision.WAIT or not fresh:
            continue
        actions = [by_hash[hash] for hash in fresh]
        yield Request(
            hash=set_hash(plan.environment, fresh),
            lane=guard_result.lane,
            group=guard_result.group,
            actions=sorted(fresh),
            due_now=total(a.due_now for a in actions),
            per_month=total(a.per_month for a in actions),
            why=guard_result.refusals,
        )


def granted(guard_results: Sequence[GuardResult], approved: Collection[str], plan: Plan) -> list[GuardResult]:
    """Return the guard results of a run that applies an approval: only approved actions of writing lanes apply."""
    by_hash: Mapping[str, Action] = {action.hash: action for action in plan.actions}
    result = []
    for guard_result in guard_results:
        if guard_result.decision == Decision.OBSERVE:
            result.append(guard_result)
            continue
        chosen = [hash for hash in guard_result.actions if hash in approved]
        others = [hash for hash in guard_result.actions if hash not in approved]
        for hashes, decision, refusals in (
            (chosen, Decision.APPLY, list[str]()),
            (others, Decision.WAIT, ["It is not part of the approval that this run applies."]),
        ):
            if hashes:
                money = [by_hash[hash] for hash in hashes]
                part = {"due_now": total(a.due_now for a in money), "per_month": total(a.per_month for a in money)}
                result.append(replace(guard_result, decision=decision, actions=hashes, refusals=refusals, **part))
    return result


def subject(environment: str, request: Request) -> str:
    """Return the subject of a request: environment, number of actions, group and hash."""
    return f"{environment}: {len(request.actions)} × {request.group} ({request.hash})"


def body(request: Request, sentences: Sequence[str], expires: str) -> str:
    """Return the body of a request in Markdown; it has no names and addresses of people."""
    lines = [
        f"**{len(request.actions)} writes** of the group `{request.group}`.",
        f"Due now: **{shown_all(request.due_now)}**. A month: **{shown_all(request.per_month)}**.",
        "",
        "Why it waits:",
        *(f"- {why}" for why in request.why),
        "",
        "Planned writes:",
        *(f"- {sentence}" for sentence in sentences[:SHOWN]),
    ]
    if len(sentences) > SHOWN:
        lines.append(f"- … and {len(sentences) - SHOWN} more")
    return "\n".join(
        [*lines, "", f"Without an answer by {expires} UTC the request is rejected. The approval is `{request.hash}`."]
    )

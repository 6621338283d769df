"""Approval requests, their answers and their application. A request without an answer before its deadline is rejected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, and_, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from stripe_sync.core.approval_state import ApprovalState
from stripe_sync.core.decoding import typed
from stripe_sync.domain.plan.approvals import Request
from stripe_sync.warehouse.engine import connect_to_read
from stripe_sync.warehouse.tables.plans import approval as approvals

REQUEST = ("hash", "lane", "actions", "due_now", "per_month", "why")  # columns that are the request itself


@dataclass(frozen=True)
class Approval:
    """One question and what became of it."""

    request: Request
    run_id: str
    plan_hash: str
    state: ApprovalState
    requested_at: datetime
    expires_at: datetime
    decided_by: str
    reason: str

    def state_at(self, now: datetime) -> ApprovalState:
        """The state at a moment: one that waited too long has expired."""
        return ApprovalState.EXPIRED if self.state == ApprovalState.WAITING and now >= self.expires_at else self.state


def ask(
    connection: Connection,
    environment: str,
    run_id: str,
    plan_hash: str,
    request: Request,
    *,
    now: datetime,
    life: timedelta,
) -> None:
    """Record a question."""
    connection.execute(
        insert(approvals)
        .values(
            environment=environment,
            hash=request.hash,
            lane=request.lane,
            action_group=request.group,
            run_id=run_id,
            plan_hash=plan_hash,
            actions=request.actions,
            due_now=request.due_now,
            per_month=request.per_month,
            why=request.why,
            requested_at=now,
            expires_at=now + life,
        )
        .on_conflict_do_nothing()
    )


def settled(connection: Connection, environment: str, *, now: datetime, remember: timedelta) -> dict[str, str]:
    """Return the actions of which no question is due, with the hash of their set: waiting, approved, or rejected lately."""
    of = approvals.c
    rows = connection.execute(
        select(of.hash, of.actions).where(
            of.environment == environment,
            or_(
                and_(of.state == ApprovalState.WAITING, of.expires_at > now),
                of.state == ApprovalState.APPROVED,
                and_(of.state == ApprovalState.REJECTED, of.decided_at > now - remember),
            ),
        )
    )
    return {action: row.hash for row in rows for action in row.actions}


def find(engine: Engine, environment: str, hash: str) -> Approval | None:
    """Return the newest question about a set of actions."""
    with connect_to_read(engine) as connection:
        row = connection.execute(
            select(approvals)
            .where(approvals.c.environment == environment, approvals.c.hash == hash)
            .order_by(approvals.c.requested_at.desc())
            .limit(1)
        ).first()
    return approval(row._asdict()) if row else None


def waiting(engine: Engine, environment: str, *, now: datetime) -> list[Approval]:
    """Return the requests that can still be answered, oldest first."""
    with connect_to_read(engine) as connection:
        rows = connection.execute(
            select(approvals).where(_waits(environment, now)).order_by(approvals.c.requested_at)
        ).all()
    return [approval(row._asdict()) for row in rows]


def approval(row: Mapping[str, Any]) -> Approval:
    """Return a row as an approval."""
    return Approval(
        request=typed({"group": row["action_group"]} | {name: row[name] for name in REQUEST}, Request),
        run_id=row["run_id"],
        plan_hash=row["plan_hash"],
        state=ApprovalState(row["state"]),
        requested_at=row["requested_at"],
        expires_at=row["expires_at"],
        decided_by=row["decided_by"],
        reason=row["reason"],
    )


def decide(
    connection: Connection,
    environment: str,
    hash: str,
    *,
    state: ApprovalState,
    now: datetime,
    person: str,
    reason: str,
) -> bool:
    """Answer a question that still waits; return False where it was answered, or is over."""
    done = connection.execute(
        update(approvals)
        .where(_waits(environment, now), approvals.c.hash == hash)
        .values(state=state, decided_at=now, decided_by=person, reason=reason)
        .returning(approvals.c.hash)
    )
    return done.first() is not None


def _waits(environment: str, now: datetime) -> ColumnElement[bool]:
    """Return the condition that a question of an environment still may be answered."""
    of = approvals.c
    return and_(of.environment == environment, of.state == ApprovalState.WAITING, of.expires_at > now)


def applied(connection: Connection, environment: str, hash: str, results: Mapping[str, int]) -> None:
    """Record that an approved set was applied, and with which results."""
    of = approvals.c
    connection.execute(
        update(approvals)
        .where(of.environment == environment, of.hash == hash, of.state == ApprovalState.APPROVED)
        .values(state=ApprovalState.APPLIED, results=dict(results))
    )


def approved_sets(connection: Connection, environment: str, *, lane: str) -> dict[str, list[str]]:
    """Return the sets of a lane that a person approved and that were not applied yet: their actions by hash."""
    of = approvals.c
    rows = connection.execute(
        select(of.hash, of.actions).where(
            of.environment == environment, of.lane == lane, of.state == ApprovalState.APPROVED
        )
    )
    return {row.hash: list(row.actions) for row in rows}

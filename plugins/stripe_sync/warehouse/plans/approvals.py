"""Approvals as they were asked, decided and applied. A question that nobody answered in time counts as rejected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Connection, Engine, text

from stripe_sync.core.decoding import typed
from stripe_sync.domain.plan.approvals import Request
from stripe_sync.warehouse.engine import dumps

State = Literal["waiting", "approved", "rejected", "expired", "applied"]


@dataclass(frozen=True)
class Approval:
    """One question and what became of it."""

    request: Request
    run_id: str
    plan_hash: str
    state: State
    asked_at: datetime
    expires_at: datetime
    decided_by: str
    reason: str

    def state_at(self, now: datetime) -> State:
        """The state at a moment: one that waited too long has expired."""
        return "expired" if self.state == "waiting" and now >= self.expires_at else self.state


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
    """Records a question."""
    connection.execute(
        text(
            'insert into approval (environment, hash, lane, "group", run_id, plan_hash, actions, due_now, per_month, why, '
            "asked_at, expires_at) values (:e, :h, :lane, :g, :r, :p, :a, cast(:due as jsonb), cast(:month as jsonb), :why, "
            ":now, :expires) on conflict do nothing"
        ),
        {
            "e": environment, "h": request.hash, "lane": request.lane, "g": request.group, "r": run_id, "p": plan_hash,
            "a": request.actions, "due": dumps(request.due_now), "month": dumps(request.per_month), "why": request.why,
            "now": now, "expires": now + life,
        },
    )  # fmt: skip


def settled(connection: Connection, environment: str, *, now: datetime, remember: timedelta) -> dict[str, str]:
    """The actions that nobody is asked about again for now, with the set that they are in: asked, approved, or refused."""
    rows = connection.execute(
        text(
            "select hash, unnest(actions) as action from approval where environment = :e and ("
            "(state = 'waiting' and expires_at > :now) or state = 'approved' "
            "or (state = 'rejected' and decided_at > :since))"
        ),
        {"e": environment, "now": now, "since": now - remember},
    )
    return {row.action: row.hash for row in rows}


def find(engine: Engine, environment: str, hash: str) -> Approval | None:
    """The newest question about a set of actions."""
    with engine.connect() as connection:
        row = connection.execute(
            text("select * from approval where environment = :e and hash = :h order by asked_at desc limit 1"),
            {"e": environment, "h": hash},
        ).first()
    return approval(row._asdict()) if row else None


def waiting(engine: Engine, environment: str, *, now: datetime) -> list[Approval]:
    """The questions that somebody still may answer, oldest first."""
    with engine.connect() as connection:
        rows = connection.execute(
            text(
                "select * from approval where environment = :e and state = 'waiting' and expires_at > :now order by asked_at"
            ),
            {"e": environment, "now": now},
        ).all()
    return [approval(row._asdict()) for row in rows]


def approval(row: Mapping[str, Any]) -> Approval:
    request = typed(
        {
            "hash": row["hash"], "lane": row["lane"], "group": row["group"], "actions": list(row["actions"]),
            "due_now": row["due_now"], "per_month": row["per_month"], "why": list(row["why"]),
        },
        Request,
    )  # fmt: skip
    return Approval(
        request, row["run_id"], row["plan_hash"], row["state"], row["asked_at"], row["expires_at"], row["decided_by"],
        row["reason"],
    )  # fmt: skip


def decide(
    connection: Connection, environment: str, hash: str, *, state: State, now: datetime, person: str, reason: str
) -> bool:
    """Answers a question that still waits; False where it was answered, or is over."""
    done = connection.execute(
        text(
            "update approval set state = :s, decided_at = :now, decided_by = :p, reason = :r "
            "where environment = :e and hash = :h and state = 'waiting' and expires_at > :now returning hash"
        ),
        {"e": environment, "h": hash, "s": state, "now": now, "p": person, "r": reason},
    )
    return done.first() is not None


def applied(connection: Connection, environment: str, hash: str, results: Mapping[str, int]) -> None:
    """Records that an approved set was applied, and with which results."""
    connection.execute(
        text(
            "update approval set state = 'applied', results = cast(:r as jsonb) "
            "where environment = :e and hash = :h and state = 'approved'"
        ),
        {"e": environment, "h": hash, "r": dumps(dict(results))},
    )


def approved_sets(connection: Connection, environment: str, *, lane: str) -> dict[str, list[str]]:
    """The sets of a lane that a person said yes to and that were not applied yet: their actions by hash."""
    rows = connection.execute(
        text("select hash, actions from approval where environment = :e and lane = :lane and state = 'approved'"),
        {"e": environment, "lane": lane},
    )
    return {row.hash: list(row.actions) for row in rows}

"""The journal: an intent is committed before its call, its one outcome after. Nothing in it is ever changed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Connection, Engine, text

from stripe_sync.core.decoding import typed
from stripe_sync.domain.plan.actions import Action
from stripe_sync.warehouse.engine import dumps

Result = Literal["done", "refused", "dropped"]


@dataclass(frozen=True)
class Intent:
    """A write that was meant. Its idempotency key is its own for ever: another intent never shares it.

    ``since`` is the start of its run by the pipeline's clock; ``age`` is by the database's.
    """

    id: int
    warehouse: str
    action: Action
    since: datetime
    age: timedelta

    @property
    def idempotency_key(self) -> str:
        return f"stripe_sync-{self.warehouse}-{self.id}-{self.action.hash}"


@dataclass(frozen=True)
class Outcome:
    """What became of an intent."""

    result: Result
    stripe_id: str | None = None
    request_id: str | None = None
    reason: str = ""
    detail: str = ""


def intend(
    engine: Engine, environment: str, run_id: str, plan_hash: str, action: Action, *, epoch: int
) -> Intent | None:
    """Commits an intent under a lease's epoch; None if the lease is no longer of that epoch."""
    with engine.begin() as connection:
        row = connection.execute(
            text(
                "insert into journal_intent (environment, lane, run_id, plan_hash, action_hash, kind, target, action, epoch) "
                "select :e, :lane, :r, :p, :h, :kind, :target, cast(:a as jsonb), :epoch from lease where environment = :e "
                "and lane = :lane and epoch = :epoch and expires_at > now() for share "
                "returning id, (select id from warehouse) as warehouse, "
                "(select started_at from run where environment = :e and run_id = :r) as since"
            ),
            {
                "e": environment, "lane": action.lane, "r": run_id, "p": plan_hash, "h": action.hash,
                "kind": action.kind, "target": action.target, "a": dumps(action), "epoch": epoch,
            },
        ).first()  # fmt: skip
    return Intent(row.id, str(row.warehouse), action, row.since, timedelta(0)) if row else None


def conclude(connection: Connection, intent: Intent, outcome: Outcome) -> None:
    """Records the outcome of an intent; the first one stands."""
    connection.execute(
        text(
            "insert into journal_outcome (intent_id, result, stripe_id, request_id, idempotency_key, reason, detail) "
            "values (:i, :x, :s, :q, :k, :reason, :detail) on conflict do nothing"
        ),
        {
            "i": intent.id, "x": outcome.result, "s": outcome.stripe_id, "q": outcome.request_id,
            "k": intent.idempotency_key, "reason": outcome.reason, "detail": outcome.detail,
        },
    )  # fmt: skip


def open_intents(engine: Engine, environment: str, lane: str) -> list[Intent]:
    """Intents without an outcome: calls of which nobody knows whether they were made. Oldest first."""
    with engine.connect() as connection:
        rows = connection.execute(
            text(
                "select i.id, i.action, r.started_at as since, now() - i.intended_at as age, "
                "(select id from warehouse) as warehouse from journal_open j join journal_intent i on i.id = j.intent_id "
                "join run r on r.environment = i.environment and r.run_id = i.run_id "
                "where j.environment = :e and j.lane = :lane order by i.id"
            ),
            {"e": environment, "lane": lane},
        ).all()
    return [Intent(row.id, str(row.warehouse), typed(row.action, Action), row.since, row.age) for row in rows]


def is_settled(connection: Connection, environment: str) -> bool:
    """Whether every intent of an environment has an outcome."""
    found = connection.execute(
        text("select 1 from journal_open where environment = :e limit 1"), {"e": environment}
    ).first()
    return found is None


def open_actions(connection: Connection, environment: str) -> list[Any]:
    """The actions of all intents without an outcome, as JSON."""
    rows = connection.execute(
        text(
            "select i.action from journal_open j join journal_intent i on i.id = j.intent_id where j.environment = :e"
        ),
        {"e": environment},
    )
    return [row.action for row in rows]


def open_of_run(connection: Connection, environment: str, run_id: str) -> int:
    """How many intents of a run have no outcome."""
    count: int = connection.execute(
        text("select count(*) from journal_open where environment = :e and run_id = :r"),
        {"e": environment, "r": run_id},
    ).scalar_one()
    return count


def concluded(engine: Engine, environment: str, run_id: str) -> dict[str, Outcome]:
    """What became of a run's actions so far: the newest outcome by action hash."""
    with engine.connect() as connection:
        rows = connection.execute(
            text(
                "select i.action_hash, o.result, o.stripe_id, o.request_id, o.reason, o.detail from journal_intent i join journal_outcome o on o.intent_id = i.id "
                "where i.environment = :e and i.run_id = :r order by i.id"
            ),
            {"e": environment, "r": run_id},
        )
        return {r.action_hash: Outcome(r.result, r.stripe_id, r.request_id, r.reason, r.detail) for r in rows}


def written_since(engine: Engine, environment: str, since: datetime) -> dict[str, int]:
    """How many writes were made since a moment, by lane."""
    with engine.connect() as connection:
        rows = connection.execute(
            text(
                "select i.lane, count(*) as n from journal_intent i join journal_outcome o on o.intent_id = i.id "
                "where i.environment = :e and o.result = 'done' and o.finished_at >= :since group by i.lane"
            ),
            {"e": environment, "since": since},
        )
        return {row.lane: row.n for row in rows}


def first_write(connection: Connection, environment: str) -> int | None:
    """When the first run that wrote anything began, Unix seconds by the pipeline's clock."""
    found = connection.execute(
        text(
            "select extract(epoch from r.started_at)::bigint from journal_intent i join journal_outcome o on o.intent_id = i.id "
            "join run r on r.environment = i.environment and r.run_id = i.run_id "
            "where i.environment = :e and o.result = 'done' order by i.id limit 1"
        ),
        {"e": environment},
    ).scalar()
    return int(found) if found is not None else None


def warehouse_id(engine: Engine) -> str:
    """What makes this warehouse different from every other: it is in every idempotency key of ours."""
    with engine.connect() as connection:
        return str(connection.execute(text("select id from warehouse")).scalar_one())


def newest_done(connection: Connection, environment: str, target: str) -> dict[str, Any] | None:
    """Return the newest action on a target that was made, as JSON."""
    return newest(connection, environment, target, "o.result = 'done'")


def newest_created(connection: Connection, environment: str, target: str) -> dict[str, Any] | None:
    """Return the newest action that made a target, as JSON."""
    return newest(connection, environment, target, "o.result = 'done' and i.kind like '%.create'")


def actions_of(connection: Connection, intents: Collection[int]) -> dict[int, Action]:
    """Return the actions of intents, by the intent's id."""
    rows = connection.execute(
        text("select id, action from journal_intent where id = any(:ids)"), {"ids": list(intents)}
    )
    return {row.id: typed(row.action, Action) for row in rows}


def canceled(connection: Connection, environment: str, linked: Mapping[str, str]) -> frozenset[str]:
    """Return the ids of the Stripe subscriptions that a write canceled; ``linked`` has their ids by link key."""
    rows = connection.execute(
        text(
            "select distinct o.stripe_id from journal_intent i join journal_outcome o on o.intent_id = i.id "
            "where i.environment = :e and i.target = any(:t) and i.kind = 'subscription.cancel' and o.result = 'done' "
            "and o.stripe_id = any(:s)"
        ),
        {"e": environment, "t": list(linked), "s": list(linked.values())},
    )
    return frozenset(row.stripe_id for row in rows)


def newest(connection: Connection, environment: str, target: str, where: str) -> dict[str, Any] | None:
    found: dict[str, Any] | None = connection.execute(
        text(
            "select i.action from journal_intent i join journal_outcome o on o.intent_id = i.id "
            f"where i.environment = :e and i.target = :t and {where} order by i.id desc limit 1"
        ),
        {"e": environment, "t": target},
    ).scalar()
    return found


def newest_action(connection: Connection, environment: str, target: str) -> dict[str, Any] | None:
    """The newest action that was intended on a target, as JSON."""
    found: dict[str, Any] | None = connection.execute(
        text("select action from journal_intent where environment = :e and target = :t order by id desc limit 1"),
        {"e": environment, "t": target},
    ).scalar()
    return found

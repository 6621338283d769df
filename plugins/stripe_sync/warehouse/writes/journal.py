"""The journal: an intent is committed before its call, its one outcome after. Nothing in it is ever changed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Engine, func, select
from sqlalchemy.dialects.postgresql import insert

from stripe_sync.core.decoding import typed
from stripe_sync.domain.plan.actions import Action
from stripe_sync.warehouse.engine import connect_to_read, run_sql
from stripe_sync.warehouse.json_text import dumps
from stripe_sync.warehouse.tables.columns import is_among_ids
from stripe_sync.warehouse.tables.runs import warehouse
from stripe_sync.warehouse.tables.writes import journal_intent, journal_open, journal_outcome

IntentResult = Literal["done", "refused", "dropped"]


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
    """The outcome of an intent."""

    result: IntentResult
    stripe_id: str | None = None
    request_id: str | None = None
    reason: str = ""
    detail: str = ""


def intend(
    engine: Engine, environment: str, run_id: str, plan_hash: str, action: Action, *, epoch: int
) -> Intent | None:
    """Commit an intent under a lease's epoch; return None if the lease is no longer of that epoch."""
    with engine.begin() as connection:
        rows = run_sql(
            connection,
            "journal/intend",
            environment=environment,
            lane=action.lane,
            run_id=run_id,
            plan_hash=plan_hash,
            action_hash=action.hash,
            kind=action.kind,
            target=action.target,
            action=dumps(action),
            epoch=epoch,
        )
    return next((Intent(r["id"], str(r["warehouse"]), action, r["since"], timedelta(0)) for r in rows), None)


def conclude(connection: Connection, intent: Intent, outcome: Outcome) -> None:
    """Record the outcome of an intent; the first one stands."""
    connection.execute(
        insert(journal_outcome)
        .values(
            intent_id=intent.id,
            result=outcome.result,
            stripe_id=outcome.stripe_id,
            request_id=outcome.request_id,
            idempotency_key=intent.idempotency_key,
            reason=outcome.reason,
            detail=outcome.detail,
        )
        .on_conflict_do_nothing()
    )


def open_intents(engine: Engine, environment: str, lane: str) -> list[Intent]:
    """Return the intents without an outcome (the call may have been made), oldest first."""
    with connect_to_read(engine) as connection:
        rows = run_sql(connection, "journal/open_intents", environment=environment, lane=lane)
    return [
        Intent(row["id"], str(row["warehouse"]), typed(row["action"], Action), row["since"], row["age"]) for row in rows
    ]


def is_settled(connection: Connection, environment: str) -> bool:
    """Return whether every intent of an environment has an outcome."""
    found = connection.execute(
        select(journal_open.c.intent_id).where(journal_open.c.environment == environment).limit(1)
    ).first()
    return found is None


def open_actions(connection: Connection, environment: str) -> list[Any]:
    """Return the actions of all intents without an outcome, as JSON."""
    rows = connection.execute(
        select(journal_intent.c.action)
        .join(journal_open, journal_open.c.intent_id == journal_intent.c.id)
        .where(journal_open.c.environment == environment)
    )
    return [row.action for row in rows]


def open_of_run(connection: Connection, environment: str, run_id: str) -> int:
    """Return the number of intents of a run that have no outcome."""
    count: int = connection.execute(
        select(func.count()).where(journal_open.c.environment == environment, journal_open.c.run_id == run_id)
    ).scalar_one()
    return count


def concluded(engine: Engine, environment: str, run_id: str) -> dict[str, Outcome]:
    """Return the outcomes of a run's actions so far: the newest by action hash."""
    of, outcome = journal_intent.c, journal_outcome.c
    query = (
        select(of.action_hash, outcome.result, outcome.stripe_id, outcome.request_id, outcome.reason, outcome.detail)
        .join(journal_outcome, outcome.intent_id == of.id)
        .where(of.environment == environment, of.run_id == run_id)
        .order_by(of.id)
    )
    with connect_to_read(engine) as connection:
        rows = connection.execute(query)
        return {r.action_hash: Outcome(r.result, r.stripe_id, r.request_id, r.reason, r.detail) for r in rows}


def written_since(engine: Engine, environment: str, since: datetime) -> dict[str, int]:
    """Return the number of writes since a moment, by lane."""
    with connect_to_read(engine) as connection:
        rows = run_sql(connection, "journal/written_since", environment=environment, since=since)
    return {row["lane"]: row["writes"] for row in rows}


def first_write(connection: Connection, environment: str) -> int | None:
    """Return the start of the first run that wrote anything, Unix seconds by the pipeline's clock."""
    rows = run_sql(connection, "journal/first_write", environment=environment)
    return next((int(row["started_at"]) for row in rows), None)


def warehouse_id(engine: Engine) -> str:
    """Return the id that no other warehouse has: it is in every idempotency key."""
    with connect_to_read(engine) as connection:
        return str(connection.execute(select(warehouse.c.id)).scalar_one())


def newest_done(connection: Connection, environment: str, target: str) -> dict[str, Any] | None:
    """Return the newest action on a target that was made, as JSON."""
    return _newest(connection, environment, target, journal_outcome.c.result == "done")


def newest_created(connection: Connection, environment: str, target: str) -> dict[str, Any] | None:
    """Return the newest action that made a target, as JSON."""
    is_creation = journal_intent.c.kind.like("%.create")
    return _newest(connection, environment, target, journal_outcome.c.result == "done", is_creation)


def actions_of(connection: Connection, intents: Collection[int]) -> dict[int, Action]:
    """Return the actions of intents, by the intent's id."""
    rows = connection.execute(
        select(journal_intent.c.id, journal_intent.c.action).where(is_among_ids(journal_intent.c.id, intents))
    )
    return {row.id: typed(row.action, Action) for row in rows}


def canceled(connection: Connection, environment: str, linked: Mapping[str, str]) -> frozenset[str]:
    """Return the ids of the Stripe subscriptions that a write canceled; ``linked`` has their ids by link key."""
    rows = run_sql(
        connection,
        "journal/canceled",
        environment=environment,
        targets=list(linked),
        stripe_ids=list(linked.values()),
    )
    return frozenset(row["stripe_id"] for row in rows)


def _newest(
    connection: Connection, environment: str, target: str, *conditions: ColumnElement[bool]
) -> dict[str, Any] | None:
    of = journal_intent.c
    found: dict[str, Any] | None = connection.execute(
        select(of.action)
        .join(journal_outcome, journal_outcome.c.intent_id == of.id)
        .where(of.environment == environment, of.target == target, *conditions)
        .order_by(of.id.desc())
        .limit(1)
    ).scalar()
    return found


def newest_action(connection: Connection, environment: str, target: str) -> dict[str, Any] | None:
    """Return the newest action that was intended on a target, as JSON."""
    of = journal_intent.c
    found: dict[str, Any] | None = connection.execute(
        select(of.action).where(of.environment == environment, of.target == target).order_by(of.id.desc()).limit(1)
    ).scalar()
    return found

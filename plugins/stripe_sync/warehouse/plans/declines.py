"""Declined payments: one row a target whose last charging write was refused; gone when one is paid."""

from __future__ import annotations

from typing import Any, get_args

from sqlalchemy import Connection, Engine, text

from stripe_sync.domain.plan.declines import Decline, Kind

COLUMNS = "kind, wanted, method, first_at, last_at, refusals, invoice, is_freed, detail"


def find(connection: Connection, environment: str, target: str) -> Decline | None:
    """Return the decline of a target, if its last charging write was refused."""
    row = connection.execute(
        text(f"select {COLUMNS} from decline where environment = :e and target = :t"), {"e": environment, "t": target}
    ).first()
    return decoded(row._asdict()) if row else None


def all_of(engine: Engine, environment: str) -> dict[str, Decline]:
    """Return every decline of an environment by target."""
    with engine.connect() as connection:
        rows = connection.execute(
            text(f"select target, {COLUMNS} from decline where environment = :e order by target"), {"e": environment}
        )
        found = [row._asdict() for row in rows]
    return {row.pop("target"): decoded(row) for row in found}


def decoded(row: dict[str, Any]) -> Decline:
    """Return a row as a decline."""
    assert row["kind"] in get_args(Kind)
    return Decline(**row)


def keep(connection: Connection, environment: str, *, target: str, entity: str, decline: Decline) -> None:
    """Store the decline of a target in the place of an earlier one; ``entity`` is the id of what it is about in Stigg."""
    values = {"e": environment, "t": target, "id": entity} | {n: getattr(decline, n) for n in COLUMNS.split(", ")}
    connection.execute(text("delete from decline where environment = :e and target = :t"), values)
    connection.execute(
        text(
            f"insert into decline (environment, target, entity_id, {COLUMNS}) values (:e, :t, :id, :kind, :wanted, :method, :first_at, "
            ":last_at, :refusals, :invoice, :is_freed, :detail)"
        ),
        values,
    )


def forget(connection: Connection, environment: str, target: str) -> None:
    """Remove the decline of a target whose write was made."""
    connection.execute(
        text("delete from decline where environment = :e and target = :t"), {"e": environment, "t": target}
    )


def free(connection: Connection, environment: str, id: str) -> list[str]:
    """Allow one more attempt for an entity or a target, whatever the backoff says; return the targets.

    An open invoice of the refused call still stands in the way.
    """
    done = connection.execute(
        text(
            "update decline set is_freed = true where environment = :e and (entity_id = :id or target = :id) "
            "returning target"
        ),
        {"e": environment, "id": id},
    )
    return [row.target for row in done]

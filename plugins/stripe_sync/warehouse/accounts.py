"""The Stripe account that everything stored of an environment is of, and the digest of the key that proved it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

# What makes the account one that cannot be exchanged: objects that are linked, and writes whose outcome is not known.
IS_USED = text(
    "select exists (select from link where environment = :e and ended_at is null) "
    "or exists (select from journal_open where environment = :e)"
)


@dataclass(frozen=True)
class Proven:
    """An account's id, and the digest of the key that proved it; "" where no key of this version has."""

    account: str
    key_digest: str


def find(connection: Connection, environment: str) -> Proven | None:
    """Return the account of an environment; None before the first proof."""
    row = connection.execute(
        text("select account, key_digest from account where environment = :e"), {"e": environment}
    ).first()
    return Proven(**row._asdict()) if row else None


def bound(connection: Connection, environment: str) -> str | None:
    """Return the account that the links and open writes of an environment are of; None where there are none of them."""
    found = find(connection, environment)
    is_used = found is not None and connection.execute(IS_USED, {"e": environment}).scalar_one()
    return found.account if found is not None and is_used else None


def prove(connection: Connection, environment: str, proven: Proven) -> None:
    """Keep the account that a key proved."""
    connection.execute(
        text(
            "insert into account (environment, account, key_digest, proven_at) values (:e, :a, :d, now()) "
            "on conflict (environment) do update set account = :a, key_digest = :d, proven_at = now()"
        ),
        {"e": environment, "a": proven.account, "d": proven.key_digest},
    )

"""The Stripe account that everything stored of an environment is of, and the digest of the key that proved it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, exists, func, or_, select
from sqlalchemy.dialects.postgresql import insert

from stripe_sync.warehouse.tables.comparisons import link
from stripe_sync.warehouse.tables.runs import account
from stripe_sync.warehouse.tables.writes import journal_open


@dataclass(frozen=True)
class Proven:
    """An account's id, and the digest of the key that proved it; "" where no key of this version has."""

    account: str
    key_digest: str


def find(connection: Connection, environment: str) -> Proven | None:
    """Return the account of an environment; None before the first proof."""
    row = connection.execute(
        select(account.c.account, account.c.key_digest).where(account.c.environment == environment)
    ).first()
    return Proven(**row._asdict()) if row else None


def bound(connection: Connection, environment: str) -> str | None:
    """Return the account that the links and open writes of an environment are of; None where there are none of them."""
    found = find(connection, environment)
    return found.account if found is not None and _is_used(connection, environment) else None


def _is_used(connection: Connection, environment: str) -> bool:
    """Return whether the account cannot be exchanged: objects are linked, or the outcome of a write is not known."""
    is_linked = exists().where(link.c.environment == environment, link.c.ended_at.is_(None))
    is_written = exists().where(journal_open.c.environment == environment)
    return bool(connection.execute(select(or_(is_linked, is_written))).scalar_one())


def prove(connection: Connection, environment: str, proven: Proven) -> None:
    """Keep the account that a key proved."""
    proof = {"account": proven.account, "key_digest": proven.key_digest, "proven_at": func.now()}
    connection.execute(
        insert(account)
        .values(environment=environment, **proof)
        .on_conflict_do_update(index_elements=[account.c.environment], set_=proof)
    )

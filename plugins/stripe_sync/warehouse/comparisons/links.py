"""Links: which Stripe id belongs to which link key, and by what evidence we know."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Engine, Select, and_, func, or_, select, update

from stripe_sync.warehouse.engine import connect_to_read, run_sql, statement
from stripe_sync.warehouse.tables.columns import is_among
from stripe_sync.warehouse.tables.comparisons import link as table

Source = Literal["created", "marker", "person", "adopted", "moved"]
LINK = table.c


def of_catalog(connection: Connection, environment: str) -> dict[str, str]:
    """Return the open links of the shared catalog (products, prices and coupons without an owner): Stripe id by link key."""
    kind = func.split_part(LINK.key, ":", 1)
    return _ids(connection, _open(environment, LINK.owner == "", kind.in_(["product", "price", "coupon"])))


def of_owners(connection: Connection, environment: str, owners: Collection[str]) -> dict[str, str]:
    """Return the open links of what is decided with these customers and subscriptions: Stripe id by link key."""
    return _ids(connection, _open(environment, is_among(LINK.owner, owners)))


def of_keys(connection: Connection, environment: str, keys: Collection[str]) -> dict[str, str]:
    """Return the open links with these keys: Stripe id by link key."""
    return _ids(connection, _open(environment, is_among(LINK.key, keys)))


def of_ids(connection: Connection, environment: str, ids: Collection[str]) -> dict[str, str]:
    """Return the open links to these Stripe objects: Stripe id by link key."""
    return _ids(connection, _open(environment, is_among(LINK.stripe_id, ids)))


def of_kind(connection: Connection, environment: str, kind: str) -> dict[str, str]:
    """Return the open links of one kind of link key: Stripe id by link key, the oldest first."""
    return _ids(connection, _open(environment, func.starts_with(LINK.key, f"{kind}:")).order_by(LINK.id))


def about(connection: Connection, environment: str, key: str, kind: str, package: str) -> dict[str, str]:
    """Return the open links of an entity: with its own link key, and of the package (kind, escaped refId) it may be."""
    is_package = and_(func.split_part(LINK.key, ":", 3) == kind, func.split_part(LINK.key, ":", 4) == package)
    return _ids(connection, _open(environment, or_(LINK.owner == key, is_package)))


def _open(environment: str, *conditions: ColumnElement[bool]) -> Select[tuple[Any, ...]]:
    """Return the question for the keys and Stripe ids of open links."""
    return select(LINK.key, LINK.stripe_id).where(LINK.environment == environment, LINK.ended_at.is_(None), *conditions)


def _ids(connection: Connection, question: Select[tuple[Any, ...]]) -> dict[str, str]:
    return {row.key: row.stripe_id for row in connection.execute(question)}


def counts(connection: Connection, environment: str) -> dict[str, int]:
    """Return the numbers of open links by the kind of their link keys."""
    return {row["kind"]: row["links"] for row in run_sql(connection, "links/counts", environment=environment)}


def add(connection: Connection, environment: str, key: str, stripe_id: str, *, source: Source) -> None:
    """Record a link. The same link again changes nothing; another link of the same key or id is an internal error."""
    run_sql(connection, "links/add", environment=environment, key=key, stripe_id=stripe_id, source=source)


def is_linked(engine: Engine, environment: str, key: str) -> bool:
    """Return whether a link key has an open link by now."""
    with connect_to_read(engine) as connection:
        return bool(of_keys(connection, environment, [key]))


def add_all(engine: Engine, environment: str, found: Iterable[tuple[str, str]], *, source: Source) -> int:
    """Record several links in one transaction; return how many were given."""
    about = {"environment": environment, "source": source}
    given = [about | {"key": key, "stripe_id": stripe_id} for key, stripe_id in found]
    if given:
        with engine.begin() as connection:
            connection.execute(statement("links/add"), given)
    return len(given)


def end(connection: Connection, environment: str, key: str, *, by: str) -> str | None:
    """End a link and keep it as ended, with who did it; return the Stripe id that it had."""
    ended: str | None = connection.execute(
        update(table)
        .where(LINK.environment == environment, LINK.key == key, LINK.ended_at.is_(None))
        .values(ended_at=func.now(), ended_by=by, changed_in=func.pg_current_xact_id())
        .returning(LINK.stripe_id)
    ).scalar()
    return ended


def move(connection: Connection, environment: str, old: str, new: str) -> None:
    """Move the Stripe object of one link key to another: the old link is ended and kept."""
    stripe_id = end(connection, environment, old, by=f"the pipeline: moved to {new}")
    if stripe_id is not None:
        add(connection, environment, new, stripe_id, source="moved")


def retired_coupons(connection: Connection, environment: str, ids: Collection[str] | None = None) -> dict[str, str]:
    """Return the link keys, by Stripe id, of coupons that we deleted: of all, or of these."""
    question = select(LINK.stripe_id, LINK.key).where(
        LINK.environment == environment, LINK.ended_at.is_not(None), LINK.key.like("coupon:%")
    )
    chosen = question if ids is None else question.where(is_among(LINK.stripe_id, ids))
    return {row.stripe_id: row.key for row in connection.execute(chosen.order_by(LINK.id))}


def unlinked(connection: Connection, environment: str) -> set[tuple[str, str]]:
    """Return (link key, Stripe id) of links that a person ended; ownership markers do not restore them."""
    rows = connection.execute(
        select(LINK.key, LINK.stripe_id).where(LINK.environment == environment, LINK.ended_by.like("person:%"))
    )
    return {(row.key, row.stripe_id) for row in rows}


def version(connection: Connection, environment: str) -> tuple[int, int]:
    """Return two numbers that are others as soon as a link was added or ended."""
    (row,) = run_sql(connection, "links/version", environment=environment)
    return row["newest"], row["ended"]


def adopted_among(connection: Connection, environment: str, keys: Collection[str]) -> bool:
    """Return whether one of these links was adopted."""
    adopted = _open(environment, is_among(LINK.key, keys), LINK.source == "adopted")
    return connection.execute(adopted.limit(1)).first() is not None


def key_of(connection: Connection, environment: str, stripe_id: str) -> str | None:
    """Return the link key of a Stripe id."""
    return next(iter(of_ids(connection, environment, [stripe_id])), None)

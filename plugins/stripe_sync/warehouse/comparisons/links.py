"""Links: which Stripe id belongs to which link key, and by what evidence we know."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Literal

from sqlalchemy import Connection, Engine, text

Source = Literal["created", "marker", "person", "adopted", "moved"]


def of_catalog(connection: Connection, environment: str) -> dict[str, str]:
    """The open links of products, prices and coupons that are nobody's own: Stripe id by link key."""
    return those(connection, environment, "owner = '' and split_part(key, ':', 1) in ('product', 'price', 'coupon')")


def of_owners(connection: Connection, environment: str, owners: Collection[str]) -> dict[str, str]:
    """The open links of what is decided with these customers and subscriptions: Stripe id by link key."""
    return those(connection, environment, "owner = any(:given)", given=list(owners))


def of_keys(connection: Connection, environment: str, keys: Collection[str]) -> dict[str, str]:
    """The open links with these keys: Stripe id by link key."""
    return those(connection, environment, "key = any(:given)", given=list(keys))


def of_ids(connection: Connection, environment: str, ids: Collection[str]) -> dict[str, str]:
    """The open links to these objects of Stripe's: Stripe id by link key."""
    return those(connection, environment, "stripe_id = any(:given)", given=list(ids))


def of_kind(connection: Connection, environment: str, kind: str) -> dict[str, str]:
    """The open links of one kind of link key: Stripe id by link key, the oldest first."""
    return those(connection, environment, "starts_with(key, :given) order by id", given=f"{kind}:")


def about(connection: Connection, environment: str, key: str, kind: str, package: str) -> dict[str, str]:
    """The open links of an entity: with its own link key, and of the package (kind, escaped refId) that it may be."""
    condition = "(owner = :key or split_part(key, ':', 3) = :kind and split_part(key, ':', 4) = :package)"
    return those(connection, environment, condition, key=key, kind=kind, package=package)


def those(connection: Connection, environment: str, condition: str, **given: object) -> dict[str, str]:
    """The open links that meet a condition in SQL: Stripe id by link key."""
    question = f"select key, stripe_id from link where environment = :e and ended_at is null and {condition}"
    return {row.key: row.stripe_id for row in connection.execute(text(question), {"e": environment, **given})}


def counts(connection: Connection, environment: str) -> dict[str, int]:
    """How many open links there are, by the kind of their link keys."""
    rows = connection.execute(
        text(
            "select split_part(key, ':', 1) as kind, count(*) as n from link where environment = :e and ended_at is null "
            "group by 1"
        ),
        {"e": environment},
    )
    return {row.kind: row.n for row in rows}


ADD = text(
    "insert into link (environment, key, stripe_id, source) select :e, :k, :s, :source where not exists "
    "(select 1 from link where environment = :e and key = :k and stripe_id = :s and ended_at is null)"
)


def add(connection: Connection, environment: str, key: str, stripe_id: str, *, source: Source) -> None:
    """Records a link. The same link again changes nothing; another one for the same key or id is an error of ours."""
    connection.execute(ADD, {"e": environment, "k": key, "s": stripe_id, "source": source})


def is_linked(engine: Engine, environment: str, key: str) -> bool:
    """Whether a link key has an open link by now."""
    with engine.connect() as connection:
        found = connection.execute(
            text("select 1 from link where environment = :e and key = :k and ended_at is null"),
            {"e": environment, "k": key},
        ).scalar()
        return found is not None


def add_all(engine: Engine, environment: str, found: Iterable[tuple[str, str]], *, source: Source) -> int:
    """Records several links in one transaction; returns how many were given."""
    given = [{"e": environment, "k": key, "s": stripe_id, "source": source} for key, stripe_id in found]
    if given:
        with engine.begin() as connection:
            connection.execute(ADD, given)
    return len(given)


def end(connection: Connection, environment: str, key: str, *, by: str) -> str | None:
    """Ends a link and keeps it as ended, with who did it; gives the Stripe id that it had."""
    ended: str | None = connection.execute(
        text(
            "update link set ended_at = now(), ended_by = :by, changed_in = pg_current_xact_id() "
            "where environment = :e and key = :k and ended_at is null returning stripe_id"
        ),
        {"e": environment, "k": key, "by": by},
    ).scalar()
    return ended


def move(connection: Connection, environment: str, old: str, new: str) -> None:
    """The Stripe object of one link key goes on under another: the old link is ended and kept."""
    stripe_id = end(connection, environment, old, by=f"the pipeline: moved to {new}")
    if stripe_id is not None:
        add(connection, environment, new, stripe_id, source="moved")


def retired_coupons(connection: Connection, environment: str, ids: Collection[str] | None = None) -> dict[str, str]:
    """Link keys, by Stripe id, of coupons that we deleted: of all, or of these."""
    rows = connection.execute(
        text(
            "select stripe_id, key from link where environment = :e and ended_at is not null and key like 'coupon:%' "
            "and (cast(:ids as text[]) is null or stripe_id = any(cast(:ids as text[]))) order by id"
        ),
        {"e": environment, "ids": None if ids is None else list(ids)},
    )
    return {row.stripe_id: row.key for row in rows}


def unlinked(connection: Connection, environment: str) -> set[tuple[str, str]]:
    """(link key, Stripe id) of links that a person ended: no mark makes them again."""
    rows = connection.execute(
        text("select key, stripe_id from link where environment = :e and ended_by like 'person:%'"), {"e": environment}
    )
    return {(row.key, row.stripe_id) for row in rows}


def version(connection: Connection, environment: str) -> tuple[int, int]:
    """Two numbers that are others as soon as a link was made or ended."""
    row = connection.execute(
        text(
            "select (select coalesce(max(id), 0) from link where environment = :e) as newest, "
            "(select count(*) from link where environment = :e and ended_at is not null) as ended"
        ),
        {"e": environment},
    ).one()
    return row.newest, row.ended


def adopted_among(connection: Connection, environment: str, keys: Collection[str]) -> bool:
    """Whether one of these links was adopted."""
    found = connection.execute(
        text(
            "select 1 from link where environment = :e and key = any(:k) and source = 'adopted' and ended_at is null limit 1"
        ),
        {"e": environment, "k": list(keys)},
    )
    return found.first() is not None


def key_of(connection: Connection, environment: str, stripe_id: str) -> str | None:
    """The link key of a Stripe id."""
    found = connection.execute(
        text("select key from link where environment = :e and stripe_id = :s and ended_at is null"),
        {"e": environment, "s": stripe_id},
    ).scalar()
    return str(found) if found is not None else None

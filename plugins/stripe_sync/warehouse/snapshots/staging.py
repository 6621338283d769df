"""Where an extract is landed before its snapshot is closed: in batches as it is read, so that few rows are held in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, text

from stripe_sync.warehouse.engine import dumps, has_nul, run_sql
from stripe_sync.warehouse.snapshots.snapshots import Snapshot, found

Landed = tuple[str, str, dict[str, Any]]  # kind, id, body
BATCH = 1000  # rows that are landed together


class Batch(NamedTuple):
    """Rows that were read together, and the (list, above, upto) of the range that they finish, if they do."""

    rows: Sequence[Landed]
    finished: tuple[str, int, int] | None = None


@contextmanager
def room(engine: Engine, environment: str = "", run_id: str = "") -> Iterator[Landing]:
    """Room for an extract. With the environment and the run whose it is, what was landed outlives a crash, and the same run
    goes on with it; without them it goes with its connection.
    """
    with engine.connect() as connection:
        connection.detach()
        kept = kept_room(connection, environment, run_id) if run_id else None
        with connection.begin():
            if kept is None:
                connection.execute(text(f"create temp table landing {LANDING}"))
            else:
                connection.execute(text(f"create schema if not exists {kept}"))
                connection.execute(text(f"create unlogged table if not exists {kept}.landing {LANDING}"))
                ranges = "(list text not null, above bigint not null, upto bigint not null)"
                connection.execute(text(f"create unlogged table if not exists {kept}.finished {ranges}"))
                connection.execute(text(f"set search_path to {kept}, public"))
        yield Landing(connection, kept)


LANDING = '(kind text, id text collate "C", body jsonb, place bigint generated always as identity)'


def kept_room(connection: Connection, environment: str, run_id: str) -> str | None:
    """The name of a run's room; None while somebody else is in it. Rooms that a dead run left are removed."""
    name = f"landing_{digest(environment)}_{digest(run_id)}"
    with connection.begin():
        if not in_use(connection, name, "pg_try_advisory_lock"):
            return None
        known = connection.execute(
            text("select nspname from pg_namespace where starts_with(nspname, :begin) and nspname <> :name"),
            {"begin": f"landing_{digest(environment)}_", "name": name},
        ).scalars()
        for other in list(known):
            if in_use(connection, other, "pg_try_advisory_xact_lock"):
                connection.execute(text(f"drop schema if exists {other} cascade"))
    return name


def in_use(connection: Connection, name: str, lock: str) -> bool:
    """Takes the lock of a room; whether it was free."""
    return bool(connection.execute(text(f"select {lock}(hashtextextended(:name, 2))"), {"name": name}).scalar())


def digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:12]


@dataclass
class Landing:
    """The rows of an extract on their way into a mirror. However many they are, few are held in memory.

    ``kept`` is the schema in which they outlive a crash.
    """

    connection: Connection
    kept: str | None = None
    with_nul: list[tuple[str, str]] = field(default_factory=list)

    def add(self, rows: Iterable[Landed]) -> None:
        """COPY of rows as they come; no transaction is open while an API answers."""
        source = iter(rows)
        while batch := list(islice(source, BATCH)):
            with self.connection.begin():
                self.copy(batch)

    def take(self, batches: Iterable[Batch]) -> None:
        """COPY of rows as they come; with the last rows of a range it is noted that it is finished."""
        rows: list[Landed] = []
        finished: list[tuple[str, int, int]] = []
        try:
            for batch in batches:
                rows += batch.rows
                finished += [batch.finished] if batch.finished else []
                if len(rows) >= BATCH:
                    self.note(rows, finished)
                    rows, finished = [], []
        finally:  # what was read before an API failed is kept as well
            self.note(rows, finished)

    def note(self, rows: Sequence[Landed], finished: Sequence[tuple[str, int, int]]) -> None:
        with self.connection.begin():
            self.copy(rows)
            if finished and self.kept:
                given = [{"list": list, "above": above, "upto": upto} for list, above, upto in finished]
                self.connection.execute(text("insert into finished values (:list, :above, :upto)"), given)

    def finished(self) -> dict[str, list[tuple[int, int]]]:
        """(above, upto) of the ranges that were read before a crash, by list."""
        found: dict[str, list[tuple[int, int]]] = {}
        if self.kept:
            with self.connection.begin():
                for row in self.connection.execute(text("select list, above, upto from finished")):
                    found.setdefault(row.list, []).append((row.above, row.upto))
        return found

    def marks(self, field: str) -> Iterator[str]:
        """The marks of the living objects that were landed."""
        with self.connection.begin():
            yield from self.connection.execute(
                text(
                    "select body -> 'metadata' ->> :field from landing where body -> 'metadata' ? :field "
                    "and not coalesce((body ->> 'deleted')::boolean, false)"
                ),
                {"field": field},
            ).scalars()

    def copy(self, batch: Sequence[Landed]) -> None:
        cursor = self.connection.connection.cursor()
        with cursor.copy("copy landing (kind, id, body) from stdin") as target:
            for kind, id, body in batch:
                target.write_row((kind, id.replace("\x00", "\ufffd"), dumps(body)))
                if has_nul(body):
                    self.with_nul.append((kind, id))
        cursor.close()

    def unseen(self, environment: str, kinds: Collection[str]) -> list[tuple[str, str]]:
        """(kind, id) of the linked objects of Stripe that no row shows, in order."""
        with self.connection.begin():
            rows = run_sql(self.connection, "mirror/unseen", environment=environment, kinds=list(kinds))
        return [(row["kind"], row["id"]) for row in rows]

    def close(
        self,
        *,
        environment: str,
        side: str,
        run_id: str,
        kinds: Sequence[str],
        upper_bound: datetime,
        whole: Sequence[str] | None = None,
    ) -> Snapshot:
        """Closes the snapshot of what was landed of these kinds, in one transaction.

        Of the kinds ``whole`` (all of them, if it is left out) the rows are everything there is, and what they do not show
        is gone; of the others they are what changed. The later of two rows of one object wins.
        """
        about: dict[str, Any] = {"environment": environment, "side": side}
        connection = self.connection
        with connection.begin():
            connection.execute(
                text("select pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": f"{environment}/{side}"}
            )
            run_sql(connection, "mirror/latest")
            # Without a key and figures a join with it may be planned as one that reads it again for every row.
            connection.execute(text("alter table landing add primary key (kind, id)"))
            connection.execute(text("analyze landing"))
            opened = run_sql(
                connection, "mirror/land", run_id=run_id, kinds=list(kinds), upper_bound=upper_bound, **about
            )
            id: int = opened[0]["id"]
            complete = list(kinds if whole is None else whole)
            run_sql(connection, "mirror/supersede", snapshot=id, kinds=complete, **about)
            run_sql(connection, "mirror/unchanged", **about)
            run_sql(connection, "mirror/add", snapshot=id, **about)
            if whole is None:
                connection.execute(text("analyze mirror"))
            else:
                run_sql(connection, "mirror/count", snapshot=id, kinds=list(kinds), **about)
            run_sql(connection, "mirror/name_content", snapshot=id, **about)
            if self.kept:
                connection.execute(text(f"drop schema {self.kept} cascade"))
            return replace(found(connection, id), with_nul=tuple(dict.fromkeys(self.with_nul)))


def close(engine: Engine, rows: Iterable[Landed], **about: Any) -> Snapshot:
    """Lands an extract and closes its snapshot (``Landing.close``)."""
    with room(engine) as own:
        own.add(rows)
        return own.close(**about)

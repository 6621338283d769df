"""Staging of an extract before its snapshot is closed: in batches as it is read, so that few rows are in memory."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import Boolean, Connection, Engine, cast, column, false, func, insert, select, table

from stripe_sync.warehouse.copy import (
    analyze_mirror,
    copy_rows,
    create_extracted,
    drop_extracted,
    extracted,
    finished_ranges,
    index_extracted,
)
from stripe_sync.warehouse.engine import run_sql, run_staged
from stripe_sync.warehouse.json_text import dumps, has_nul
from stripe_sync.warehouse.schema import schema_of
from stripe_sync.warehouse.snapshots.snapshots import Snapshot, found

BATCH = 1000  # rows of one COPY
NAMESPACES = table("pg_namespace", column("nspname"))


class StagedRow(NamedTuple):
    """An object of one side as it was read."""

    kind: str
    id: str
    body: dict[str, Any]


class Batch(NamedTuple):
    """Rows that were read together, and the (list, above, upto) of the range that they finish, if they do."""

    rows: Sequence[StagedRow]
    finished: tuple[str, int, int] | None = None


@contextmanager
def room(engine: Engine, environment: str = "", run_id: str = "") -> Iterator[Staging]:
    """Open the staging schema of an extract. With the environment and the run, its rows outlive a crash, and the same run
    goes on with them; without a run, or while another process has the run's, they go at the end.

    The schema is locked by a transaction of its own, which reads nothing: transaction pooling keeps it on one connection.
    """
    with engine.begin() as guard, engine.connect() as connection:
        owner = f"{schema_of(engine)}/{environment}"  # two warehouses in one database may have environments of one name
        schema = _lock_schema(guard, owner, run_id)
        is_kept = schema == _staging_schema(owner, run_id)
        if is_kept:
            _drop_dead(engine, owner, schema)
        with connection.begin():
            create_extracted(connection, schema)
        try:
            yield Staging(connection, schema)
        finally:
            if not is_kept:
                with connection.begin():
                    drop_extracted(connection, schema)


def _lock_schema(guard: Connection, owner: str, run_id: str) -> str:
    """Return the name of a schema that this process alone has: the run's, or a new one."""
    name = _staging_schema(owner, run_id)
    if run_id and _try_lock(guard, name):
        return name
    own = _staging_schema(owner, uuid.uuid4().hex)
    _try_lock(guard, own)
    return own


def _drop_dead(engine: Engine, owner: str, own: str) -> None:
    """Drop the staging schemas of an environment that no process has."""
    of = NAMESPACES.c.nspname
    with engine.begin() as connection:
        known = connection.execute(select(of).where(func.starts_with(of, _staging_schema(owner, "")), of != own))
        for schema in known.scalars().all():
            if _try_lock(connection, schema):
                drop_extracted(connection, schema)


def _try_lock(connection: Connection, name: str) -> bool:
    """Take the lock of a schema until the transaction ends; return whether it was free."""
    return bool(connection.execute(select(func.pg_try_advisory_xact_lock(func.hashtextextended(name, 2)))).scalar())


def _staging_schema(owner: str, run_id: str) -> str:
    """Return the name of a run's schema; its beginning, which those of all runs share, for an empty id."""
    return f"staging_{digest(owner)}_{digest(run_id) if run_id else ''}"


def digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:12]


@dataclass
class Staging:
    """Staging tables of an extract; few rows are in memory at a time.

    ``schema`` has the tables.
    """

    connection: Connection
    schema: str
    with_nul: list[tuple[str, str]] = field(default_factory=list)

    def add(self, rows: Iterable[StagedRow]) -> None:
        """Copy rows in batches; no transaction is open during a request."""
        source = iter(rows)
        while batch := list(islice(source, BATCH)):
            with self.connection.begin():
                self.copy(batch)

    def take(self, batches: Iterable[Batch]) -> None:
        """Copy rows in batches; the end of a range is recorded with its last rows."""
        rows: list[StagedRow] = []
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

    def note(self, rows: Sequence[StagedRow], finished: Sequence[tuple[str, int, int]]) -> None:
        with self.connection.begin():
            self.copy(rows)
            if finished:
                given = [{"list": list, "above": above, "upto": upto} for list, above, upto in finished]
                self.connection.execute(insert(finished_ranges(self.schema)), given)

    def finished(self) -> dict[str, list[tuple[int, int]]]:
        """Return (above, upto) of the ranges that were read before a crash, by list."""
        found: dict[str, list[tuple[int, int]]] = {}
        with self.connection.begin():
            for row in self.connection.execute(select(finished_ranges(self.schema))):
                found.setdefault(row.list, []).append((row.above, row.upto))
        return found

    def ownership_markers(self, field: str) -> Iterator[str]:
        """Give the ownership markers of the living objects that were read."""
        body = extracted(self.schema).c.body
        is_deleted = func.coalesce(cast(body["deleted"].astext, Boolean), false())
        query = select(body["metadata"][field].astext).where(body["metadata"].has_key(field), ~is_deleted)
        with self.connection.begin():
            found = self.connection.execute(query).scalars().all()
        yield from found

    def copy(self, batch: Sequence[StagedRow]) -> None:
        rows = ((kind, id.replace("\x00", "\ufffd"), dumps(body)) for kind, id, body in batch)
        copy_rows(self.connection, extracted(self.schema), ("kind", "id", "body"), rows)
        self.with_nul += [(kind, id) for kind, id, body in batch if has_nul(body)]

    def unseen(self, environment: str, kinds: Collection[str]) -> list[tuple[str, str]]:
        """(kind, id) of the linked objects of Stripe that no row shows, in order."""
        with self.connection.begin():
            rows = run_staged(self.connection, "mirror/unseen", self.schema, environment=environment, kinds=list(kinds))
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
        """Close the snapshot of the staged rows of these kinds, in one transaction.

        Of the kinds ``whole`` (None: of all) the rows are complete, and objects without a row no longer exist; of the others
        they are the changes. The later of two rows of one object wins.
        """
        about: dict[str, Any] = {"environment": environment, "side": side}
        connection = self.connection
        with connection.begin():
            lock = f"{schema_of(connection)}/{environment}/{side}"
            connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(lock, 0))))
            run_staged(connection, "mirror/keep_newest", self.schema)
            index_extracted(connection, self.schema)
            opened = run_staged(
                connection,
                "mirror/open_snapshot",
                self.schema,
                run_id=run_id,
                kinds=list(kinds),
                upper_bound=upper_bound,
                **about,
            )
            id: int = opened[0]["id"]
            complete = list(kinds if whole is None else whole)
            run_staged(connection, "mirror/supersede", self.schema, snapshot=id, kinds=complete, **about)
            run_staged(connection, "mirror/unchanged", self.schema, **about)
            run_staged(connection, "mirror/add", self.schema, snapshot=id, **about)
            if whole is None:
                analyze_mirror(connection)
            else:
                run_sql(connection, "mirror/count", snapshot=id, kinds=list(kinds), **about)
            run_sql(connection, "mirror/name_content", snapshot=id, **about)
            drop_extracted(connection, self.schema)
            return replace(found(connection, id), with_nul=tuple(dict.fromkeys(self.with_nul)))


def close(engine: Engine, rows: Iterable[StagedRow], **about: Any) -> Snapshot:
    """Stage an extract and close its snapshot (``Staging.close``)."""
    with room(engine) as own:
        own.add(rows)
        return own.close(**about)

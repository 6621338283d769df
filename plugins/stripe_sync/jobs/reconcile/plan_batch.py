"""Selection of the differences that a run plans: the requested ones, or a batch of customers of a large account.

A plan is immutable, read by a person and named by a hash, so its size is limited (``max_plan_size``). Other differences are
deferred to the next run, which begins where this one ended, so that refused writes block no later customer. The catalog is in
every batch, and customers are complete: nothing is planned without the objects that it refers to.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from operator import itemgetter

from sqlalchemy import Connection

from stripe_sync.core import keys
from stripe_sync.domain.drift.difference import Difference
from stripe_sync.domain.model.documents import CUSTOMER, PRICE_VERSION, SUBSCRIPTION
from stripe_sync.jobs.reconcile.backfill import Touched, touched_in, within
from stripe_sync.jobs.runtime.approvals import approved_targets
from stripe_sync.jobs.runtime.context import Run, Session
from stripe_sync.jobs.runtime.results.reconcile import Planned
from stripe_sync.warehouse import step_results
from stripe_sync.warehouse.comparisons import comparisons
from stripe_sync.warehouse.snapshots import snapshots

DIFFERENCES_PER_BATCH = 1000  # differences that are looked at together
SECOND, READING = timedelta(seconds=1), timedelta(hours=4)


@dataclass(frozen=True)
class PlanBatch:
    """The differences in order of kind and key; the keys of which both snapshots may not be of one moment.

    ``cursor`` is the link key of the customer with whom it ended where others are left: the next run begins behind them.
    ``deferred`` counts, by kind, the customers and subscriptions that differ and are not planned.
    """

    differences: list[Difference]
    moving: set[str]
    cursor: str
    deferred: dict[str, int]


def select_batch(session: Session, run: Run, connection: Connection, comparison: int) -> PlanBatch:
    """Return the differences that a run plans: complete customers up to the plan's size, or all of an approval."""
    name = session.environment.name
    approval, window = run.params.approval, touched_in(connection, name, run)
    approved = approved_owners(session, approval) if approval else None
    requested = bool(approval or window or run.params.is_chosen)
    last = step_results.newest(connection, name, Planned)
    before = last.upto if last else ""
    most = session.environment.max_plan_size
    rows = chosen(comparisons.in_order(connection, comparison, after="" if requested else before), run, name)
    parts = in_parts(rows, at_once=min(most, DIFFERENCES_PER_BATCH), only=approved)
    taken = take(connection, comparison, parts, window=window, most=None if approval else most)
    deferred = left_over(connection, comparison, taken) if taken.is_cut else {}
    if taken.is_cut:
        session.progress(
            f"  {len(taken.differences):,} differences are planned; {sum(deferred.values()):,} customers and subscriptions "
            f"that differ wait for another run (max_plan_size)"
        )
    differences = sorted(taken.differences, key=lambda d: (d.kind, d.key))
    moving = changed_since_run_start(connection, name, run, differences)
    settled = [d for d in differences if d.key not in moving]
    return PlanBatch(settled, moving, before if requested else taken.cursor, {} if requested else deferred)


@dataclass(frozen=True)
class Taken:
    """The differences of whole customers; ``cursor`` is the last of them where others are left (``is_cut``)."""

    differences: Sequence[Difference]
    cursor: str = ""
    is_cut: bool = False


def take(
    connection: Connection,
    comparison: int,
    parts: Iterable[tuple[str, list[tuple[str, str]]]],
    *,
    window: Touched | None,
    most: int | None,
) -> Taken:
    """Return the catalog's differences and those of customers, until there are ``most`` of customers; None: all."""
    taken: dict[str, Difference] = {}
    catalog: list[Difference] = []
    cursor = ""
    for customer, of in parts:
        if most is not None and len(taken) - len(catalog) >= most:
            return Taken(list(taken.values()), cursor, is_cut=True)
        found = comparisons.differences(connection, comparison, of=of)
        if not customer:
            catalog = found
        taken |= {d.key: d for d in (within(window, [*catalog, *found]) if window else found)}
        cursor = customer
    return Taken(list(taken.values()))


def left_over(connection: Connection, comparison: int, taken: Taken) -> dict[str, int]:
    """Return how many customers and subscriptions differ and were not taken, by kind."""
    counts, had = comparisons.counts(connection, comparison), Counter(d.kind for d in taken.differences)
    return {kind: counts.get(kind, 0) - had[kind] for kind in (CUSTOMER, SUBSCRIPTION)}


def in_parts(
    rows: Iterable[Mapping[str, str]], *, at_once: int, only: frozenset[str] | None
) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """(the last customer, (kind, key) of differences) of the catalog, then of whole customers, some at a time; with ``only``,
    of those who are among these owners or have one among them.
    """
    last, ahead = "", list[tuple[str, str]]()
    for customer, group in groupby(rows, key=itemgetter("customer")):
        if ahead and (not last or len(ahead) >= at_once):
            yield last, ahead
            ahead = []
        found = [(row["kind"], row["key"]) for row in group]
        if only is None or not customer or any(keys.owner(key) in only for _, key in found):
            last, ahead = customer, [*ahead, *found]
    if ahead:
        yield last, ahead


def approved_owners(session: Session, approval: str) -> frozenset[str] | None:
    """The owners of what an approval is about; None where its plan is kept no more."""
    targets = approved_targets(session, approval)
    return None if targets is None else frozenset(map(keys.owner, targets))


def chosen(rows: Iterable[Mapping[str, str]], run: Run, environment: str) -> Iterator[Mapping[str, str]]:
    """Yield the rows of the run's kinds, customers (with their subscriptions) and entity; all rows if it names none."""
    kinds = frozenset(run.params.entities)
    entity = run.params.entity
    customers = {keys.link_key("customer", keys.part(environment), keys.part(id)) for id in run.params.customers}
    for row in rows:
        if kinds and ("price" if row["kind"] == PRICE_VERSION else row["kind"]) not in kinds:
            continue
        if customers and row["customer"] not in customers:
            continue
        if not entity or entity in ((row["entity_kind"], row["entity_id"]), keys.entity_of(row["key"])):
            yield row


def changed_since_run_start(
    connection: Connection, environment: str, run: Run, differences: Sequence[Difference]
) -> set[str]:
    """The keys of what was made or changed on either side after the run began: the two snapshots may not agree on it."""
    if not differences:
        return set()
    window = (run.now + SECOND, run.now + READING)
    ids = {d.entity[1] for d in differences if d.entity} | {d.stripe_id for d in differences}
    stigg, stripe = snapshots.touched(
        connection, environment, since=window[0], until=window[1], dates=False, of=ids - {None}
    )
    return {d.key for d in differences if d.entity in stigg or d.stripe_id in stripe}

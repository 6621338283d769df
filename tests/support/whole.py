"""The differential test of incremental runs: one whole comparison by the pure core, from whole snapshots."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, text

from stripe_sync.domain.model.inputs import Inputs, Links
from stripe_sync.domain.target.target_state import catalog_state, of_families, target_state
from stripe_sync.domain.usage.charges import charges
from stripe_sync.jobs.inputs.latest import latest
from stripe_sync.jobs.inputs.snapshots import stigg_view, stripe_view, without
from stripe_sync.jobs.reconcile import earlier_results
from stripe_sync.warehouse.comparisons import comparisons, link_suggestions, links, statuses
from stripe_sync.warehouse.snapshots.readers import every
from tests.support.harness import Harness

Documents = dict[tuple[str, str, str], Any]


def open_links(connection: Connection) -> dict[str, str]:
    """Return every open link: Stripe id by link key."""
    rows = connection.execute(
        text("select key, stripe_id from stripe_sync.link where environment = 'test' and ended_at is null")
    )
    return {row.key: row.stripe_id for row in rows}


def at_once(harness: Harness) -> tuple[Documents, dict[tuple[str, str], tuple[str, str]]]:
    """(documents by side, kind and key; status and reason of entities without a pending write), compared in one pass."""
    session = harness.session()
    run = harness.run(session)
    with harness.engine.connect() as connection:
        newest = latest(session, run, connection)
        assert newest is not None
        place = newest.context.place
        known = Links(
            open_links(connection),
            links.retired_coupons(connection, "test"),
            link_suggestions.ignored(connection, "test"),
        )
        by_id = {id: key for key, id in known.ids.items()}
        stripe, unreadable = stripe_view(every(connection, place.stripe), by_id)
        stigg = without(stigg_view(every(connection, place.stigg), newest.context.left_out), unreadable)
        kept = earlier_results.results_left(connection, "test")
    why = "Possible link: {} in Stripe ({}). Confirm it with stripe-sync link, or remove the reference."
    waiting = {c["key"]: why.format(c["stripe_id"], c["why"]) for c in link_suggestions.all_of(harness.engine, "test")}
    session.close()
    inputs = Inputs(harness.environment, stigg, stripe, known, session.signer, run.now, waiting)
    made = target_state(inputs)
    _, problems = charges(inputs, of_families(inputs, catalog_state(inputs), inputs.stripe).catalog)
    documents = {("target", c.kind, c.key): c.document for c in made.targets}
    documents |= {("actual", c.kind, c.key): c.document for c in made.found}
    reasons = {
        entity: (s.status.value, s.reason.value)
        for entity, s in made.statuses.items()
        if s.reason.value != "WAITS_FOR_WRITE"
    } | {("subscription", p.subscription): ("ERROR", p.reason) for p in problems}
    reasons |= {(s.kind, s.id): (s.status.value, s.reason.value) for s in kept}
    return documents, reasons


def in_parts(harness: Harness) -> tuple[Documents, dict[tuple[str, str], tuple[str, str]]]:
    """Return the same from the newest comparison, which was made in parts."""
    with harness.engine.connect() as connection:
        newest = comparisons.latest(connection, "test")
        assert newest is not None
        documents = {key: row[1] for key, row in harness.documents(connection, newest).items()}
        rows = connection.exec_driver_sql(
            "select kind, id, status, reason from stripe_sync.status where reason not in ('', 'WAITS_FOR_WRITE') and environment = 'test'"
        )
        return documents, {(r.kind, r.id): (r.status, r.reason) for r in rows}


def tallies(harness: Harness) -> tuple[list[Any], list[Any]]:
    """Return the numbers of entities by status: as reports show them, and counted."""
    reported = [tuple(row.values()) for row in statuses.counts(harness.engine, "test")]
    with harness.engine.connect() as connection:
        counted = connection.exec_driver_sql(
            "select kind, status, reason, count(*) from stripe_sync.status where environment = 'test' group by 1, 2, 3 order by 1, 2, 3"
        )
        return reported, [tuple(row) for row in counted]

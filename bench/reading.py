"""Pages and the finance report with many entities, on a warehouse that is filled by SQL."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, text

NAME, RUN = "bench", "run"
NOW = datetime(2026, 11, 16, 9, tzinfo=UTC)
# Of n entities half are customers and half subscriptions; one in twenty differs, one in fifty was written just now.
FILL = """
insert into stripe_sync.run (environment, run_id, started_at) values (:e, :r, :now);
insert into stripe_sync.run (environment, run_id, started_at) values (:e, 'before', :now - interval '60 days');
insert into stripe_sync.snapshot (environment, side, run_id, kinds, complete, upper_bound, counts, content_id)
    select :e, side, :r, array['subscription'], true, :now, '{}', 1 from unnest(array['stigg', 'stripe']) side;
insert into stripe_sync.status (environment, kind, id, status, reason, stripe_id, run_id)
    select :e, 'customer', 'c' || n, 'SUCCESS', '', 'cus_' || n, :r from generate_series(1, :half) n;
insert into stripe_sync.status (environment, kind, id, status, reason, stripe_id, run_id)
    select :e, 'subscription', 's' || n, case n % 20 when 0 then 'ERROR' else 'SUCCESS' end,
    case n % 20 when 0 then 'NO_PRICE' else '' end, 'sub_' || n, :r from generate_series(1, :half) n;
insert into stripe_sync.link (environment, key, stripe_id, source)
    select :e, 'subscription:bench:s' || n, 'sub_' || n, 'created' from generate_series(1, :half) n;
insert into stripe_sync.link (environment, key, stripe_id, source)
    select :e, 'price:bench:plan:p' || n || ':base:monthly:default@0' || n, 'price_' || n, 'created' from generate_series(1, 20) n;
insert into stripe_sync.mirror (environment, side, kind, id, valid_from, body)
    select :e, 'stripe', 'price', 'price_' || n, 1,
    '{"active": true, "currency": "usd", "unit_amount_decimal": "2000", "recurring": {"interval": "month"}}'
    from generate_series(1, 20) n;
insert into stripe_sync.mirror (environment, side, kind, id, valid_from, body)
    select :e, 'stigg', 'subscription', 's' || n, 1,
    jsonb_build_object('plan', jsonb_build_object('refId', 'p' || n % 20), 'status', 'ACTIVE') from generate_series(1, :half) n;
insert into stripe_sync.mirror (environment, side, kind, id, valid_from, body)
    select :e, 'stripe', 'subscription', 'sub_' || n, 1, jsonb_build_object('status', 'active', 'items',
    jsonb_build_object('data', jsonb_build_array(jsonb_build_object('id', 'si_' || n, 'quantity', 1, 'price',
    jsonb_build_object('id', 'price_' || (1 + n % 20)))))) from generate_series(1, :half) n;
insert into stripe_sync.comparison (environment, run_id, stigg_snapshot, stripe_snapshot, canon_version, counts)
    values (:e, :r, 1, 2, 1, '{"subscription": 1}');
insert into stripe_sync.drift (environment, valid_from, owner, id, kind, key, entity_kind, entity_id, stripe_id, state, field, before, after, severity,
    sentence, per_month) select :e, 1, 'subscription:bench:s' || n, 'd' || n, 'subscription', 'subscription:bench:s' || n, 'subscription', 's' || n, 'sub_' || n,
    'differs', 'items', '1', '2', 'money', 'One more seat', '{"usd": "500"}' from generate_series(1, :drift) n;
insert into stripe_sync.journal_intent (environment, lane, run_id, plan_hash, action_hash, kind, target, action, epoch)
    select :e, 'subscriptions', :r, 'p', 'a' || n, 'subscription.update', 'subscription:bench:s' || n,
    jsonb_build_object('sentence', 'Change', 'drift', jsonb_build_array('d' || n), 'due_now', jsonb_build_object(),
    'entity', jsonb_build_array('subscription', 's' || n), 'serial', 'x') , 1 from generate_series(1, :written) n;
insert into stripe_sync.journal_intent (environment, lane, run_id, plan_hash, action_hash, kind, target, action, epoch)
    select :e, 'subscriptions', 'before', 'p', 'b' || n, 'subscription.create', 'subscription:bench:s' || n,
    jsonb_build_object('sentence', 'Create', 'drift', jsonb_build_array('e' || n), 'due_now', jsonb_build_object(),
    'entity', jsonb_build_array('subscription', 's' || n), 'serial', 'c' || n), 1 from generate_series(1, :half) n;
insert into stripe_sync.journal_outcome (intent_id, result, stripe_id) select id, 'done', target from stripe_sync.journal_intent;
insert into stripe_sync.usage_terms (environment, subscription, charge, since, terms, measured, run_id)
    select :e, 'sub_' || n, 'calls', :now - interval '90 days', '{"content": {"currency": "usd", "unit_amount": "1", "interval": "month"}, "label": "Calls", "product": "p"}',
    jsonb_build_object('subscription', 's' || n, 'customer', 'c' || n, 'feature', 'calls', 'item', 'si_' || n), :r
    from generate_series(1, :half / 5) n;
insert into stripe_sync.usage_window (environment, subscription, charge, terms_id, start_at, end_at, run_id, settled)
    select environment, subscription, charge, id, since + k * interval '30 days', since + (k + 1) * interval '30 days', :r, k < 2
    from stripe_sync.usage_terms cross join generate_series(0, 2) k;
insert into stripe_sync.usage_reading (window_id, quantity, read_at, run_id) select id, 100, :now, :r from stripe_sync.usage_window;
insert into stripe_sync.usage_movement (window_id, from_state, to_state, quantity, amount, run_id, recorded_at)
    select id, '', 'pending', 100, 100, :r, :now from stripe_sync.usage_window;
insert into stripe_sync.usage_movement (window_id, from_state, to_state, quantity, amount, invoice, run_id, recorded_at)
    select id, 'pending', case when settled then 'billed' else 'proven' end, 100, 100, 'in_' || id, :r, :now from stripe_sync.usage_window;
insert into stripe_sync.usage_invoice (environment, invoice, subscription, status, bound, created_at, finalizes_at, body)
    select environment, 'in_' || id, subscription, case when settled then 'paid' else 'draft' end, end_at, end_at,
    case when settled then null else :now + interval '1 hour' end, '{"lines": {"data": []}}' from stripe_sync.usage_window;
"""


def fill(connection: Connection, entities: int) -> None:
    half = entities // 2
    given = {"e": NAME, "r": RUN, "now": NOW, "half": half, "drift": entities // 20, "written": entities // 50}
    for statement in FILL.split(";\n"):
        if statement.strip():
            used = {name: value for name, value in given.items() if f":{name}" in statement}
            connection.execute(text(statement), used)
    connection.execute(text("analyze"))


def seconds(work: Callable[[], Any]) -> float:
    start = time.monotonic()
    work()
    return time.monotonic() - start


def measure(engine: Engine, entities: int) -> tuple[dict[str, float], float, list[str]]:
    """(seconds of each page, seconds of the finance report, tables of a page that a query reads from end to end)."""
    from stripe_sync.core.config import packaged
    from stripe_sync.core.settings import Environment
    from stripe_sync.interfaces.web import pages
    from stripe_sync.interfaces.web.sections import Viewer
    from stripe_sync.reporting import files, tables
    from stripe_sync.reporting.charts import charts
    from stripe_sync.reporting.tables import FOR_FINANCE

    with engine.begin() as connection:
        fill(connection, entities)
    viewer = Viewer(Environment(name=NAME, stripe_account="acct_1BENCH"), engine, NOW, "/stripe-sync", "")
    about: dict[str, Any] = {"kind": "subscription", "status": "", "q": "", "after": ""}
    shown = {
        "overview": lambda: pages.overview(viewer),
        "entities": lambda: pages.entities(viewer, **about),
        "entities, failed": lambda: pages.entities(viewer, **about | {"status": "ERROR"}),
        "entities, searched": lambda: pages.entities(viewer, **about | {"q": "s499"}),
        "an entity": lambda: pages.entity(viewer, kind="subscription", id="s77"),
        "a customer": lambda: pages.customer(viewer, id="c77"),
        "plans": lambda: pages.plans(viewer),
        "usage": lambda: pages.usage(viewer),
    }
    took = {name: min(seconds(page), seconds(page)) for name, page in shown.items()}

    def report() -> None:
        found = tables.tables(engine, FOR_FINANCE, NAME, now=NOW)
        found.append(tables.table_of("portal", "Billing portal", []))
        summary = tables.finance_summary(found, NAME, "now")
        with tempfile.TemporaryDirectory(prefix="stripe_sync-bench-") as folder:
            files.write(
                Path(folder), found, summary, lines="open_drift", page="finance.html", at=NOW, charts=charts(found)
            )

    whole = seconds(report)
    scanned = []
    with engine.connect() as connection:
        for name in ("entities", "by_stripe_id", "differences", "history"):
            parameters = {"environment": NAME, "comparison": 1, "most": 51, "id": "s77", **about} | {
                "stripe_id": "sub_77"
            }
            sql = packaged.sql(f"web/{name}")
            rows = connection.execute(text("explain " + sql), {k: v for k, v in parameters.items() if f":{k}" in sql})
            scanned += [f"{name}: {row[0].strip()}" for row in rows if "Seq Scan on" in row[0]
                        and any(big in row[0] for big in (" status", " mirror", " link", " journal", " drift"))]  # fmt: skip
    return took, whole, scanned

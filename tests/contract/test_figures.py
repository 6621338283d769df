"""Query plans of the queries per partition: an index, and few rows for any size of the mirror."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import text

from stripe_sync.core.clock import from_epoch
from stripe_sync.core.config import packaged
from stripe_sync.warehouse.comparisons import comparisons
from stripe_sync.warehouse.snapshots import staging
from tests.support import warehouses

# Of n customers: both sides' customers and subscriptions, as few fields as kinship is found by.
FILL = """
insert into stripe_sync.mirror (environment, side, kind, id, valid_from, body)
select 'e', 'stigg', 'customer', 'c-' || n, 1, jsonb_build_object('customerId', 'c-' || n, 'billingId', 'cus_' || n)
from generate_series(1, :n) as n
union all
select 'e', 'stigg', 'subscription', 's-' || n, 1, jsonb_build_object('subscriptionId', 's-' || n, 'billingId', 'sub_' || n,
    'customer', jsonb_build_object('customerId', 'c-' || n), 'payingCustomer', jsonb_build_object('customerId', 'c-' || n + 1))
from generate_series(1, :n) as n
union all
select 'e', 'stripe', 'subscription', 'sub_' || n, 2, jsonb_build_object('customer', 'cus_' || n) from generate_series(1, :n) as n
union all
select 'e', 'stripe', 'invoice', 'in_' || n, 2,
    jsonb_build_object('parent', jsonb_build_object('subscription_details', jsonb_build_object('subscription', 'sub_' || n)))
from generate_series(1, :n) as n
"""
# A run that differed in n objects, and one after it that differs in one.
DIFFER = """
insert into stripe_sync.snapshot (environment, side, run_id, kinds, complete, upper_bound, counts, content_id)
select 'e', side, '1', '{}', true, now(), '{}', 1 from unnest(array['stigg', 'stripe']) as side;
insert into stripe_sync.comparison (environment, run_id, stigg_snapshot, stripe_snapshot, canon_version)
select 'e', run::text, 1, 2, 1 from generate_series(1, 2) as run;
insert into stripe_sync.drift (environment, valid_from, valid_to, owner, id, kind, key, entity_kind, entity_id, state, field, severity, sentence, per_month)
select 'e', 1 + n / :n, case when n < :n then 2 end, 'k' || n, 'd' || n, 'customer', 'k' || n, 'customer', 'c' || n, 'missing', '', 'money', '', '{}'
from generate_series(1, :n) as n;
insert into stripe_sync.difference (environment, valid_from, valid_to, kind, key, owner, target, fields)
select 'e', 1 + n / :n, case when n < :n then 2 end, 'customer', 'k' || n, 'k' || n, '{}', '{}' from generate_series(1, :n) as n;
analyze stripe_sync.drift, stripe_sync.difference
"""
CUSTOMERS, FAMILIES = 4000, 100


def test_kin_is_found_by_indexes_and_expected_to_be_few() -> None:
    numbers = range(FAMILIES)
    parameters: dict[str, Any] = {
        "environment": "e", "stigg": 1, "stripe": 2, "snapshot": 2,
        "customers": [f"c-{n}" for n in numbers], "ids": [x for n in numbers for x in (f"cus_{n}", f"sub_{n}")],
        "owners": [f"customer:e:c-{n}" for n in numbers],
    }  # fmt: skip
    with warehouses.fresh() as (_, engine), engine.begin() as connection:
        connection.execute(text(FILL), {"n": CUSTOMERS})
        connection.execute(text("analyze stripe_sync.mirror"))
        for question, subscriptions in (("families/related", "s"), ("mirror/invoices_of", "sub_")):
            given = parameters | {"subscriptions": [f"{subscriptions}{n}" for n in numbers]}
            sql = packaged.sql(question)
            explained = connection.execute(
                text(f"explain (format json) {sql}"), {k: v for k, v in given.items() if f":{k}" in sql}
            ).scalar_one()
            for node in nodes(explained[0]["Plan"]):
                if node.get("Relation Name") == "mirror":
                    assert "Seq Scan" not in node["Node Type"], (question, node["Node Type"], node.get("Filter"))
                    assert node["Plan Rows"] <= 4 * FAMILIES, (question, node["Plan Rows"], node.get("Index Name"))


def test_links_that_changed_are_found_without_reading_all() -> None:
    with warehouses.fresh() as (_, engine):
        with engine.begin() as connection:
            connection.execute(
                text("insert into stripe_sync.link (environment, key, stripe_id, source) "
                     "select 'e', 'customer:e:c' || n, 'cus_' || n, 'created' from generate_series(1, :n) as n"), {"n": CUSTOMERS}
            )  # fmt: skip
        with engine.begin() as connection:
            connection.execute(text("analyze stripe_sync.link"))
            seen, seen_in = connection.execute(
                text("select pg_current_snapshot()::text, pg_current_xact_id()::text")
            ).one()
            explained = connection.execute(
                text(f"explain (format json) {packaged.sql('families/changed_links')}"),
                {"environment": "e", "seen": seen, "seen_in": seen_in},
            ).scalar_one()
    assert {n["Node Type"] for n in nodes(explained[0]["Plan"]) if n.get("Relation Name") == "link"} == {"Index Scan"}


def test_an_earlier_comparison_of_very_much_is_not_read_with_the_newest() -> None:
    """After a first import many differences are kept beside the few of now; a question's comparison is known to have few."""
    parameters = {"environment": "e", "now": from_epoch(0), "kind": "customer", "id": "c", "keys": ["k"], "run_id": "2"}
    questions = ("reports/drift", "reports/money", "reports/open_drift", "frames/drift", "reports/figures",
                 "web/differences", "explain/drift", "drift/counts", "drift/differing", "drift/order")  # fmt: skip
    with warehouses.fresh() as (_, engine), engine.begin() as connection:
        for statement in DIFFER.split(";"):
            connection.execute(text(statement), {"n": CUSTOMERS} if ":n" in statement else {})
        newest = comparisons.latest(connection, "e")
        given = parameters | {"account": "a", "comparison": newest, "comparison_id": newest, "kinds": None, "after": ""}
        for question in questions:
            sql = packaged.sql(question)
            explained = connection.execute(
                text(f"explain (format json) {sql}"), {k: v for k, v in given.items() if f":{k}" in sql}
            ).scalar_one()
            read = {n.get("Relation Name") for n in nodes(explained[0]["Plan"]) if n["Node Type"].endswith("Seq Scan")}
            assert not read & {"drift", "difference"}, question


def test_a_first_extract_is_landed_without_reading_what_was_landed_before_each_row() -> None:
    """A new warehouse has figures of an empty mirror, by which reading it from end to end costs nothing."""
    rows = [("customer", f"cus_{n}", {"id": f"cus_{n}"}) for n in range(CUSTOMERS)]
    with warehouses.fresh() as (_, engine), engine.connect() as connection:
        staging.close(
            engine, rows, environment="e", side="stripe", run_id="r", kinds=("customer",), upper_bound=from_epoch(0)
        )
        connection.execute(text("select pg_stat_force_next_flush()"))
        read = connection.execute(
            text("select heap_blks_hit + heap_blks_read from pg_statio_user_tables where relname = 'mirror'")
        ).scalar_one()
    assert read <= 5 * CUSTOMERS, "blocks"


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a plan's node and all below it."""
    yield plan
    for part in plan.get("Plans", ()):
        yield from nodes(part)

"""The figures that pandas computes are those of the same question in SQL."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
from sqlalchemy import text

from stripe_sync.reporting.computed_tables import AT_RISK, at_risk
from stripe_sync.reporting.datasets import DRIFT, TableReader
from tests.support import warehouses

SQL = (Path(__file__).parent / "ageing.sql").read_text(encoding="utf-8")
NOW = datetime(2026, 11, 30, tzinfo=UTC)
SNAPSHOTS = """
insert into stripe_sync.snapshot (environment, side, run_id, kinds, complete, upper_bound, counts, content_id)
select 'e', side, '1', '{}', true, now(), '{}', 1 from unnest(array['stigg', 'stripe']) as side;
insert into stripe_sync.comparison (environment, run_id, stigg_snapshot, stripe_snapshot, canon_version) values ('e', '1', 1, 2, 1)
"""
ROW = """
insert into stripe_sync.drift (environment, valid_from, owner, id, kind, key, entity_kind, entity_id, state, field, severity, sentence,
    per_month, accepted, since)
values ('e', 1, 'k' || :n, 'd' || :n, :kind, 'k' || :n, :kind, 'p' || :plan, :state, '', 'money', '',
    cast(:amounts as jsonb), :accepted, :since)
"""


def test_ageing_is_that_of_sql_to_the_digit() -> None:
    chance = random.Random(24)
    rows = [
        {
            "n": n,
            "kind": chance.choice(["plan", "customer"]),
            "plan": chance.randrange(2),
            "state": chance.choice(["missing", "differs"]),
            "amounts": "{" + ",".join(
                f'"{currency}": {chance.randrange(-500, 500)}.{chance.randrange(10**9):09}'
                for currency in chance.sample(["usd", "eur", "jpy"], chance.randrange(3))
            ) + "}",
            "accepted": chance.random() < 0.1,
            "since": chance.choice([None, NOW - timedelta(hours=chance.randrange(0, 1000, 12))]),
        }
        for n in range(400)
    ]  # fmt: skip
    with warehouses.fresh() as (_, engine), engine.begin() as connection:
        for statement in SNAPSHOTS.split(";"):
            connection.execute(text(statement))
        connection.execute(text(ROW), rows)
        expected = connection.execute(text(SQL), {"comparison": 1, "now": NOW}).all()
        computed = [tuple(row[name] for name in AT_RISK) for row in at_risk(connection, "e", NOW)]
    assert len(computed) > 30
    assert sorted(computed) == sorted(map(tuple, expected))
    directions = [(row[0], row[5]) for row in computed]
    assert directions == sorted(directions), "in order of direction and currency"


def test_a_currency_that_stripe_does_not_list_gives_each_chunk_the_same_type() -> None:
    common = {"kind": "plan", "plan": 1, "state": "differs", "accepted": False, "since": NOW}
    rows = [common | {"n": n, "amounts": f'{{"{currency}": 100}}'} for n, currency in enumerate(("usd", "usdc"))]
    with warehouses.fresh() as (_, engine):
        with engine.begin() as connection:
            for statement in SNAPSHOTS.split(";"):
                connection.execute(text(statement))
            connection.execute(text(ROW), rows)
        read = TableReader(engine, "e", DRIFT)
        first, second = read(chunks=1)
        whole = read()
    assert [first.currency[0], second.currency[0]] == ["usd", "usdc"]
    for part in (first, second):
        pd.testing.assert_series_equal(part.dtypes, whole.dtypes)
    assert whole.groupby("currency", observed=True)["monthly_amount"].sum().to_dict() == {"usd": 100, "usdc": 100}

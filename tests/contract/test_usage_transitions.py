"""The database takes the transitions that the ledger's table permits, and no other."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from stripe_sync.domain.usage.ledger import PERMITTED, UsageState
from tests.support import warehouses

CHARGE = (
    "insert into stripe_sync.usage_terms (environment, subscription, charge, since, terms, measured, why, run_id) "
    "values ('test', 'sub_1', 'calls', '2026-11-01Z', null, '{}', '', 'run') returning id"
)
WINDOW = (
    "insert into stripe_sync.usage_window (environment, subscription, charge, terms_id, start_at, end_at, run_id) "
    "values ('test', 'sub_1', 'calls', :charge, '2026-11-01Z', '2026-12-01Z', 'run') returning id"
)
ENTRY = (
    "insert into stripe_sync.usage_movement (window_id, from_state, to_state, quantity, amount, run_id, recorded_at) "
    "values (:window, :source, :target, 1, 10, 'run', '2026-12-01Z')"
)
PAIRS = list(product(UsageState, UsageState))


@pytest.fixture(scope="module")
def connection() -> Iterator[Connection]:
    """A warehouse with one window; nothing of it is kept."""
    with warehouses.fresh() as (_, engine), engine.connect() as made:
        yield made


@pytest.fixture
def window(connection: Connection) -> Iterator[int]:
    with connection.begin() as transaction:
        charge = connection.execute(text(CHARGE)).scalar_one()
        yield int(connection.execute(text(WINDOW), {"charge": charge}).scalar_one())
        transaction.rollback()


@pytest.mark.parametrize(("source", "target"), PAIRS, ids=[f"{s.name}-{t.name}" for s, t in PAIRS])
def test_a_movement_is_stored_exactly_where_the_table_permits_it(
    connection: Connection, window: int, source: UsageState, target: UsageState
) -> None:
    given = {"window": window, "source": source.value, "target": target.value}
    if (source, target) in PERMITTED:
        assert connection.execute(text(ENTRY), given).rowcount == 1
    else:
        with pytest.raises(IntegrityError, match=r"usage_movement_(transition|to_state_check)"):
            connection.execute(text(ENTRY), given)

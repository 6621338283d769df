"""The requests a minute that the sandbox's Stigg answers, by operation (SB 18.1)."""

from __future__ import annotations

import pytest

from sandbox.builder import WorldBuilder
from sandbox.server.stigg_limits import Limits
from sandbox.world.state import from_document


@pytest.mark.parametrize(
    ("kind", "root", "limit"),
    [("mutation", "reportUsage", 3000), ("mutation", "provisionSubscription", 250), ("query", "usageHistoryV2", 250),
     ("query", "customerSubscriptions", 1500), ("query", "getCustomerByRefId", 3000)],
)  # fmt: skip
def test_each_operation_has_its_limit(kind: str, root: str, limit: int) -> None:
    """SB 18.1: reports of usage have the limit of single reads, not that of the other mutations."""
    limits = Limits(from_document(WorldBuilder().document()))
    assert [limits.exceeded(kind, root, {}) for _ in range(limit)] == [""] * limit
    assert limits.exceeded(kind, root, {})

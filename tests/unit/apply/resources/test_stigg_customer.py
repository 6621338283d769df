"""The lookup of an interrupted write of a billing id: a customer without one proves nothing where the link has ended."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from stripe_sync.apply.resources.stigg_customer import HANDLERS
from stripe_sync.domain.plan.actions import ActionKind

SINCE = datetime(2026, 12, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("billing_id", "linked", "is_found"),
    [
        ("cus_1", "cus_1", True),
        ("cus_2", "cus_1", False),
        (None, "cus_1", False),
        (None, None, False),
        ("cus_1", None, False),
    ],
)
def test_the_write_is_found_by_the_linked_id(billing_id: str | None, linked: str | None, is_found: bool) -> None:
    customer = {"id": "c-1", "billingId": billing_id}
    call: Any = SimpleNamespace(
        stigg_id="c-1",
        action=SimpleNamespace(after={"billing": "customer:e:c-1"}),
        links=SimpleNamespace(get=lambda key: linked),
        stigg=SimpleNamespace(customer=lambda id: customer),
    )
    found = list(HANDLERS[ActionKind.STIGG_SET_BILLING_ID].recover(call, SINCE))
    assert [f.object for f in found] == ([customer] if is_found else [])

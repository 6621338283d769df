"""Differences: each variant has the sides that it names, and the rows that people read say which one it is."""

from __future__ import annotations

from typing import Any

import pytest

from stripe_sync.domain.drift.amounts import PriceBook
from stripe_sync.domain.drift.difference import Changed, Difference, Extra, Missing
from stripe_sync.domain.drift.rows import rows
from stripe_sync.domain.model.documents import CUSTOMER, SUBSCRIPTION, ObjectDocument
from stripe_sync.warehouse.comparisons.comparisons import DECIDED, difference

KEY = "customer:e:c-1"
TARGET = ObjectDocument(CUSTOMER, KEY, {"name": "New"}, entity=("customer", "c-1"))
ACTUAL = ObjectDocument(CUSTOMER, KEY, {"name": "Old"}, stripe_id="cus_1")


def stored(target: Any, actual: Any, fields: list[str]) -> dict[str, Any]:
    """Return a row of the comparison in SQL."""
    sides = dict(zip((table.name for table in DECIDED), (target, actual), strict=True))
    facts = {f"{name}_facts": {} for name in sides}
    named = {"kind": CUSTOMER, "key": KEY, "entity_kind": "customer", "entity_id": "c-1", "stripe_id": "cus_1"}
    return sides | facts | named | {"fields": fields}


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (stored({"name": "New"}, None, ["name"]), Missing(TARGET)),
        (stored(None, {"name": "Old"}, ["name"]), Extra(ACTUAL)),
        (stored({"name": "New"}, {"name": "Old"}, ["name", "email"]), Changed(TARGET, ACTUAL, ("email", "name"))),
    ],
)
def test_a_row_of_the_comparison_is_the_variant_with_the_sides_that_it_has(
    row: dict[str, Any], expected: Difference
) -> None:
    assert difference(row) == expected


@pytest.mark.parametrize(
    ("variant", "documents", "entity", "stripe_id"),
    [
        (Missing(TARGET), (TARGET,), ("customer", "c-1"), None),
        (Extra(ACTUAL), (ACTUAL,), None, "cus_1"),
        (Changed(TARGET, ACTUAL, ("name",)), (TARGET, ACTUAL), ("customer", "c-1"), "cus_1"),
    ],
)
def test_each_variant_names_its_object(
    variant: Difference, documents: tuple[ObjectDocument, ...], entity: tuple[str, str] | None, stripe_id: str | None
) -> None:
    assert (variant.kind, variant.key) == (CUSTOMER, KEY)
    assert (variant.documents, variant.entity, variant.stripe_id) == (documents, entity, stripe_id)
    assert not variant.is_exempt


@pytest.mark.parametrize("variant", [Extra, lambda actual: Changed(TARGET, actual, ("name",))])
def test_an_exempt_object_is_accepted_drift(variant: Any) -> None:
    exempt = variant(ObjectDocument(CUSTOMER, KEY, {"name": "Old"}, stripe_id="cus_1", facts={"ignored": True}))
    assert exempt.is_exempt
    assert [row.accepted for row in rows([exempt], PriceBook({}))] == [True]


def test_the_rows_say_which_variant_it_is() -> None:
    ended = ObjectDocument(
        SUBSCRIPTION, "subscription:e:s-1", {"status": "canceled"}, facts={"why": "It ended in Stigg."}
    )
    billed = ObjectDocument(SUBSCRIPTION, "subscription:e:s-1", {"items": []}, stripe_id="sub_1")
    found = rows(
        [Missing(TARGET), Extra(billed), Changed(TARGET, ACTUAL, ("name",)), Changed(ended, billed, ("status",))],
        PriceBook({}),
    )
    assert [(row.state.value[:7], row.sentence[:36]) for row in found] == [
        ("missing", "The customer c-1 is not in Stripe."),
        ("differs", "The name of the customer c-1 is not "),
        ("unclaim", "The subscription s-1 is in Stripe an"),
        ("ended", "Stripe bills the subscription s-1. I"),
    ]

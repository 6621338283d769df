"""Actions on coupons: one creation, one deletion, or one write of the changed fields."""

from __future__ import annotations

from typing import Any

import pytest

from stripe_sync.apply.resources.table import HANDLERS
from stripe_sync.domain.drift.amounts import PriceBook
from stripe_sync.domain.drift.difference import Changed, Difference, Extra, Missing
from stripe_sync.domain.model.documents import COUPON, ObjectDocument
from stripe_sync.domain.plan.actions import Action, ActionKind
from stripe_sync.domain.plan.writes.catalog import build_coupon
from stripe_sync.domain.plan.writes.context import Draft, Policy

KEY = "coupon:e:summer"


def coupon(name: str, **facts: Any) -> ObjectDocument:
    return ObjectDocument(COUPON, KEY, {"name": name, "metadata": {"stiggId": name}}, facts=facts)


def build(difference: Difference) -> Action:
    draft = Draft({}, {}, PriceBook({}), frozenset(), Policy("always_invoice", "create_prorations", 0))
    (made,) = build_coupon(draft, difference)
    assert made.kind in HANDLERS
    return made


@pytest.mark.parametrize(
    ("fields", "kind", "hash"),
    [
        (("name", "metadata"), "coupon.update", "9d481088d322b776"),
        (("name",), "coupon.update", "5a0fdcdca77edb07"),
        (("metadata",), "coupon.update", "be816b5f88b93630"),
    ],
)
def test_a_change_of_a_coupon_is_one_action(fields: tuple[str, ...], kind: str, hash: str) -> None:
    """An approval names the hash, so a kind keeps it for ever."""
    made = build(Changed(coupon("New"), coupon("Old"), fields))
    assert (made.kind, made.hash) == (ActionKind(kind), hash)
    assert set(made.after) == set(made.before or {}) == set(fields)


def test_a_missing_coupon_is_made_with_its_terms_and_one_that_nothing_attaches_is_deleted() -> None:
    made = build(Missing(coupon("New", content={"percent_off": "20"})))
    assert (made.kind, made.after["percent_off"], made.before) == (ActionKind.COUPON_CREATE, "20", None)
    gone = build(Extra(coupon("Old")))
    assert (gone.kind, gone.after) == (ActionKind.COUPON_DELETE, {"deleted": True})

"""The smallest cases of rules that stories tell at length: what is ours, what follows what, what remains, what needs what."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from stripe_sync.core.decoding import from_stripe
from stripe_sync.domain.actual.actual_state import linked_documents
from stripe_sync.domain.actual.successors import follows
from stripe_sync.domain.model.inputs import Links, StripeView
from stripe_sync.domain.model.stripe import StripeCoupon, StripeCustomer, StripeProduct
from stripe_sync.domain.model.stripe_subscriptions import StripeSubscription
from stripe_sync.domain.plan.actions import Action, ActionKind
from stripe_sync.domain.plan.builder import references
from tests.unit.domain.test_deciding import inputs, subscription

END = "2026-11-20T10:00:00.000Z"


def held(id: str, **more: Any) -> dict[str, Any]:
    row = {"id": id, "customer": "cus_1", "status": "active", "items": {"data": [], "has_more": False},
           "collection_method": "send_invoice", "currency": "usd"}  # fmt: skip
    return row | more


def test_nobodys_objects_and_ended_ones_are_not_found() -> None:
    def both(kind: type[Any], one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
        return {row["id"]: from_stripe(row, kind) for row in (one, other)}

    given = inputs()
    ours = {
        "product:e:plan:pro": "prod_1", "coupon:e:c": "co_1", "customer:e:c-1": "cus_1",
        "subscription:e:s-1": "sub_1", "subscription:e:s-2": "sub_2",
    }  # fmt: skip
    product, coupon = (
        {"name": "Pro", "active": True},
        {"percent_off": 10, "duration": "forever", "name": "C", "valid": True},
    )
    subscriptions = [held("sub_1"), held("sub_2", status="canceled"), held("sub_3"), held("sub_4", status="canceled")]
    view = StripeView(
        both(StripeProduct, product | {"id": "prod_1"}, product | {"id": "prod_2"}),
        {},
        both(StripeCustomer, {"id": "cus_1"}, {"id": "cus_2"}),
        {row["id"]: from_stripe(row, StripeSubscription) for row in subscriptions},
        both(StripeCoupon, coupon | {"id": "co_1"}, coupon | {"id": "co_2"}),
    )
    there = linked_documents(replace(given, stripe=view, links=Links(ours)), view)
    assert sorted(document.stripe_id or "" for document in there) == ["co_1", "cus_1", "prod_1", "sub_1"]
    gone = {"prod_1": replace_deleted(view.products["prod_1"]), "prod_2": view.products["prod_2"]}
    view = replace(view, products=gone)
    there = linked_documents(replace(given, stripe=view, links=Links(ours)), view)
    assert sorted(document.stripe_id or "" for document in there) == ["co_1", "cus_1", "sub_1"]


def replace_deleted(product: StripeProduct) -> StripeProduct:
    return from_stripe({"id": product.id, "name": product.name, "active": False, "deleted": True}, StripeProduct)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({}, {}, True),
        ({}, {"seconds": 60}, True),
        ({}, {"seconds": -60}, True),
        ({}, {"seconds": 61}, False),
        ({}, {"seconds": -61}, False),
        ({"cancelReason": "Immediate"}, {}, True),
        ({"cancelReason": "Immediate"}, {"seconds": 1}, False),
        ({"cancelReason": "Immediate"}, {"pricingType": "FREE"}, False),
        ({"cancelReason": "Immediate", "resource": {"resourceId": "r-1"}}, {}, False),
        ({"cancelReason": "DetachBilling"}, {}, False),
        ({"effectiveEndDate": None}, {}, False),
        ({"resource": {"resourceId": "r-1"}}, {}, False),
        ({"cancelReason": "Immediate"}, {"billingId": "sub_1"}, True),
        ({"cancelReason": "Immediate"}, {"oldBillingId": "sub_1", "seconds": 9000}, True),
        ({"cancelReason": "Immediate"}, {"billingId": "sub_2"}, False),
    ],
)
def test_a_subscription_follows_another_by_name_or_by_its_moment(
    before: dict[str, Any], after: dict[str, Any], expected: bool
) -> None:
    ended = {"status": "CANCELED", "cancelReason": "UpgradeOrDowngrade", "effectiveEndDate": END}
    first = subscription(**(ended | before))
    more = {name: value for name, value in after.items() if name != "seconds"}
    moment = subscription(startDate=END).start_date + timedelta(seconds=after.get("seconds", 0))
    then = subscription(subscriptionId="s-2", startDate=moment.isoformat(), **more)
    assert follows(first, then, "sub_1") is expected


@pytest.mark.parametrize(
    ("kind", "requires_itself"),
    [("product.set_default", True), ("subscription.update", True), ("coupon.update", True), ("price.archive", True),
     ("price.update", False), ("subscription.create", False)],
)  # fmt: skip
def test_a_write_needs_what_it_is_about_to_be_there(kind: str, requires_itself: bool) -> None:
    action = Action(kind=ActionKind(kind), lane="catalog", target="product:e:plan:pro", after={})
    assert list(references(action)) == (["product:e:plan:pro"] if requires_itself else [])

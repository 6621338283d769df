"""Links and link suggestions by the evidence of each side (BILLING 10 and 11)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stripe_sync.core import ownership
from stripe_sync.core.decoding import from_stripe
from stripe_sync.domain.adoption import link_discovery
from stripe_sync.domain.model.inputs import Inputs, Links, StripeView
from stripe_sync.domain.model.stripe import StripeCustomer
from stripe_sync.domain.model.stripe_subscriptions import StripeSubscription
from tests.unit.domain.test_deciding import customer, inputs, subscription

URL = "https://app.stigg.io/sandbox/subscriptions/s-1"
CUSTOMER, SUBSCRIPTION = "customer:e:c-1", "subscription:e:s-1"


def both_sides(
    metadata: dict[str, str],
    *,
    status: str = "active",
    billing_id: str | None = None,
    of_customer: str = "stiggCustomerId",
) -> Inputs:
    """One customer and one subscription of Stigg; in Stripe cus_1 names the one, and sub_1 has the metadata given."""
    held = {
        "id": "sub_1", "customer": "cus_1", "status": status, "items": {"data": [], "has_more": False},
        "collection_method": "send_invoice", "currency": "usd", "metadata": metadata,
    }  # fmt: skip
    named = from_stripe({"id": "cus_1", "metadata": {of_customer: "c-1"}}, StripeCustomer)
    view = StripeView({}, {}, {"cus_1": named}, {"sub_1": from_stripe(held, StripeSubscription)})
    given: Inputs = inputs(customers=[customer()], subscriptions=[subscription(billingId=billing_id)])
    return replace(given, stripe=view)


def suggested(given: Inputs) -> list[tuple[str, str]]:
    return [(one.key, one.stripe_id) for one in link_discovery.families(given).suggestions]


@pytest.mark.parametrize("metadata", [{"stiggEntityId": "s-1"}, {"stiggEntityUrl": URL}])
@pytest.mark.parametrize("of_customer", ["stiggCustomerId", "stiggEntityId"])
def test_an_object_that_names_an_entity_without_a_billing_id_is_a_suggestion(
    metadata: dict[str, str], of_customer: str
) -> None:
    given = both_sides(metadata, of_customer=of_customer)
    assert suggested(given) == [(CUSTOMER, "cus_1"), (SUBSCRIPTION, "sub_1")]
    assert link_discovery.families(given).links == {}, "a suggestion is for a person"


def test_an_object_that_both_sides_name_is_a_link_and_no_suggestion() -> None:
    given = both_sides({"stiggEntityId": "s-1"}, billing_id="sub_1")
    assert link_discovery.families(given).links == {SUBSCRIPTION: "sub_1"}
    assert suggested(given) == [(CUSTOMER, "cus_1")]


def test_a_billing_id_of_an_object_that_is_gone_does_not_hide_the_one_that_names_the_entity() -> None:
    assert (SUBSCRIPTION, "sub_1") in suggested(both_sides({"stiggEntityId": "s-1"}, billing_id="sub_gone"))


@pytest.mark.parametrize(
    ("metadata", "status"),
    [
        ({"stiggEntityId": "s-1", ownership.FIELD: "a marker"}, "active"),
        ({"stiggEntityId": "s-1"}, "canceled"),
        ({"stiggEntityId": "s-2"}, "active"),
        ({"stiggEntityUrl": URL.replace("subscriptions", "customers")}, "active"),
        ({"stiggCustomerId": "s-1"}, "active"),
    ],
)
def test_marked_ended_and_other_objects_are_no_suggestions(metadata: dict[str, str], status: str) -> None:
    assert suggested(both_sides(metadata, status=status)) == [(CUSTOMER, "cus_1")]


def test_linked_objects_and_entities_are_no_suggestions() -> None:
    given = both_sides({"stiggEntityId": "s-1"})
    assert suggested(replace(given, links=Links({SUBSCRIPTION: "sub_2", CUSTOMER: "cus_1"}))) == []
    assert suggested(replace(given, links=Links({"subscription:e:s-9": "sub_1", CUSTOMER: "cus_1"}))) == []

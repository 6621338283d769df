"""How requests are named in messages, budgets and metrics: by their endpoint, without an id."""

from __future__ import annotations

import pytest

from stripe_sync.stripe_api.client import template


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/v1/customers/cus_NffrFeUfNV2Hib", "/v1/customers/{id}"),
        ("/v1/invoices/in_S000000000028/lines", "/v1/invoices/{id}/lines"),
        ("/v1/products/test:plan:pro", "/v1/products/{id}"),
        ("/v1/billing/meters/mtr_1Abc456789/event_summaries", "/v1/billing/meters/{id}/event_summaries"),
        ("/v1/billing_portal/configurations", "/v1/billing_portal/configurations"),
        ("/v1/subscription_items", "/v1/subscription_items"),
        ("/v1/subscription_schedules", "/v1/subscription_schedules"),
    ],
)
def test_an_endpoint_keeps_its_name_and_loses_its_ids(path: str, name: str) -> None:
    assert template(path) == name

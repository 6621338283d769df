"""Requests to Stripe: how they are named, by their endpoint and without an id, and what is made of their answers."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import pytest
import stripe

from stripe_sync.apply.resources.coupon import COUPONS
from stripe_sync.clients.stripe.answers import template
from stripe_sync.clients.stripe.client import StripeApi
from stripe_sync.core.errors import EntityError, Transient


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


def answering(monkeypatch: pytest.MonkeyPatch, body: bytes, status: int = 200) -> StripeApi:
    """A client whose every request is answered so."""
    answer = (body, status, {"request-id": "req_1"})

    def request(*_: object) -> tuple[bytes, int, Mapping[str, str]]:
        return answer

    monkeypatch.setattr(stripe.RequestsClient, "request", request)
    return StripeApi("sk_test_1")


def test_numbers_of_what_is_read_are_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    api = answering(monkeypatch, b'{"object": "price", "unit_amount_decimal": 0.1000000000000000055511}')
    assert api.get("/v1/prices/price_1")["unit_amount_decimal"] == Decimal("0.1000000000000000055511")


@pytest.mark.parametrize("body", [b"<html>busy</html>", b'{"id": "price', b"", b'{"id": "\xff"}', b"null", b"[]"])
def test_an_answer_that_is_no_object_is_asked_for_again_and_named_by_its_endpoint(
    monkeypatch: pytest.MonkeyPatch, body: bytes
) -> None:
    api = answering(monkeypatch, body)
    api.attempts = 1
    with pytest.raises(Transient, match=r"get /v1/prices/\{id\}"):
        api.get("/v1/prices/price_S000000001")


def test_a_refusal_is_told_with_its_code_and_request(monkeypatch: pytest.MonkeyPatch) -> None:
    body = b'{"error": {"type": "invalid_request_error", "code": "resource_missing"}}'
    with pytest.raises(EntityError, match=r"resource_missing.*req_1"):
        answering(monkeypatch, body, 404).get("/v1/prices/price_S000000001")


@pytest.mark.parametrize(("status", "is_missing"), [(404, True), (400, False)])
def test_only_a_404_says_that_the_object_of_a_request_is_missing(
    monkeypatch: pytest.MonkeyPatch, status: int, is_missing: bool
) -> None:
    body = b'{"error": {"type": "invalid_request_error", "code": "resource_missing"}}'
    with pytest.raises(EntityError) as refused:
        answering(monkeypatch, body, status).get("/v1/prices/price_S000000001")
    assert refused.value.is_missing is is_missing


def test_a_repeated_deletion_of_an_object_that_is_gone_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """SB 7.1: a DELETE has no idempotency key, so its repetition after a lost answer is a 404."""
    body = b'{"error": {"type": "invalid_request_error", "code": "resource_missing"}}'
    found = COUPONS.delete(answering(monkeypatch, body, 404), "c", key="key")
    assert found.object == {"id": "c", "object": "coupon", "deleted": True}

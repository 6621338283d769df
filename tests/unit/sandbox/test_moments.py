"""Moments that the sandbox refuses: over, too far ahead, or an end before its start (FACTS_A 68; types)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.sandbox_client import DAY, NOW, Obj, SandboxClient, sandbox_client


@pytest.fixture(name="stripe")
def _stripe() -> Iterator[SandboxClient]:
    with sandbox_client() as client:
        yield client


def over(name: str, value: int) -> str:
    return (
        f"The parameter `{name}` expects a unix timestamp representing a date and time in the future. You specified the "
        f"value `{value}` which is in the past."
    )


def test_a_pause_ends_at_a_time_to_come(stripe: SandboxClient) -> None:
    """FACTS_A 68."""
    form: Obj = {"customer": stripe.customer(), "items": [{"price": stripe.price(1000)}]}
    path = f"/v1/subscriptions/{stripe.post('/v1/subscriptions', **form)['id']}"
    pause: Obj = {"behavior": "void", "resumes_at": NOW}
    status, error = stripe.refused("POST", path, pause_collection=pause)
    name = "pause_collection[resumes_at]"
    assert (status, error["param"], error["message"]) == (400, name, over(name, NOW))
    assert stripe.get(path)["pause_collection"] is None
    found = stripe.post(path, pause_collection=pause | {"resumes_at": NOW + 1})
    assert found["pause_collection"] == {"behavior": "void", "resumes_at": NOW + 1}


@pytest.mark.parametrize(
    ("form", "param"),
    [({"trial_end": NOW + 732 * DAY}, "trial_end"), ({"trial_period_days": 731}, "trial_period_days"),
     ({"trial_end": NOW - 1}, "trial_end")],
)  # fmt: skip
def test_a_trial_ends_within_two_years(stripe: SandboxClient, form: Obj, param: str) -> None:
    """Types, ``trial_end``: at most two years; FACTS_A 68."""
    known: Obj = {"customer": stripe.customer(), "items": [{"price": stripe.price(1000)}]}
    status, error = stripe.refused("POST", "/v1/subscriptions", **known, **form)
    assert (status, error["type"], error["param"]) == (400, "invalid_request_error", param)
    made = stripe.post("/v1/subscriptions", **known, trial_period_days=730)
    assert made["trial_end"] == NOW + 730 * DAY
    if "trial_end" in form:
        assert stripe.refused("POST", f"/v1/subscriptions/{made['id']}", **form)[1]["param"] == "trial_end"


def test_a_period_of_an_item_does_not_end_before_it_starts(stripe: SandboxClient) -> None:
    """Types, ``period[end]``: greater than or equal to the start."""
    customer = stripe.customer()
    form: Obj = {"customer": customer, "amount": 5, "currency": "usd"}
    status, error = stripe.refused("POST", "/v1/invoiceitems", **form, period={"start": NOW, "end": NOW - 1})
    assert (status, error["param"]) == (400, "period[end]")
    item = stripe.post("/v1/invoiceitems", **form, period={"start": NOW, "end": NOW})
    assert stripe.refused("POST", f"/v1/invoiceitems/{item['id']}", period={"start": 2, "end": 1})[0] == 400
    draft = stripe.invoice(customer, None)["id"]
    line: Obj = {"amount": 5, "period": {"start": 2, "end": 1}}
    assert stripe.refused("POST", f"/v1/invoices/{draft}/add_lines", lines=[line])[0] == 400
    assert stripe.get(f"/v1/invoices/{draft}")["lines"]["data"] == []

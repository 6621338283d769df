"""Keys, retries of a client, and events in the sandbox (SB 7.6, 8.7, 10.5, 11.10)."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import stripe as sdk

from sandbox.world.state import Fault
from tests.support.sandbox_client import DAY, HOUR, Obj, SandboxClient, sandbox_client

WORDINGS = ("old", "new", "app")
KEYS = [
    "sk_test_sandbox",
    {"key": "rk_test_ofyesterday0001", "rights": ["customer_read"], "expired": True},
    *({"key": f"rk_test_{wording}0000000001", "rights": ["coupon_read"], "wording": wording} for wording in WORDINGS),
]


@pytest.fixture(name="stripe")
def _stripe() -> Iterator[SandboxClient]:
    with sandbox_client(keys=KEYS) as client:
        yield client


def by_key(stripe: SandboxClient, key: str) -> tuple[int, Obj]:
    answer = stripe.http.get(f"{stripe.url}/v1/customers", headers={"Authorization": f"Bearer {key}"})
    return answer.status_code, answer.json()["error"]


@pytest.mark.parametrize(
    ("key", "status", "code", "begins"),
    [
        ("sk_test_ofnobodyatall01", 401, None, "Invalid API Key provided: sk_test_********ll01"),
        ("rk_test_ofyesterday0001", 401, "api_key_expired", "Expired API Key provided: rk_test_********0001"),
        (
            "pk_test_ofthebrowser001",
            403,
            "secret_key_required",
            "This API call cannot be made with a publishable API key.",
        ),
    ],
)
def test_a_key_that_opens_nothing(stripe: SandboxClient, key: str, status: int, code: str | None, begins: str) -> None:
    """SB 8.7, and 8.3: none of these refusals names the account."""
    found, error = by_key(stripe, key)
    assert (found, error["type"], error.get("code")) == (status, "invalid_request_error", code)
    assert error["message"].startswith(begins)
    assert "acct_" not in str(error)


@pytest.mark.parametrize(
    ("wording", "code"),
    [("old", None), ("new", "more_permissions_required"), ("app", "more_permissions_required_for_application")],
)
def test_a_right_that_a_key_lacks(stripe: SandboxClient, wording: str, code: str | None) -> None:
    """SB 8.2, 8.3, 8.7: each wording names the right and the account; a code has its page (FACTS_A 57)."""
    status, error = by_key(stripe, f"rk_test_{wording}0000000001")
    assert (status, error["type"], error.get("code")) == (403, "invalid_request_error", code)
    assert ("doc_url" in error) == (code is not None)
    assert re.search(r"on account 'acct_\w+'\. .*'(?:rak_)?customer_read'", error["message"])


class Impatient(sdk.RequestsClient):
    """A client of the SDK that does not wait before it tries again."""

    def _sleep_time_seconds(self, num_retries: int, response: object = None) -> float:
        return 0.0


@pytest.mark.parametrize(
    ("fault", "tries"),
    [
        (Fault("POST", "/v1/customers", kind="lock"), 2),
        (Fault("POST", "/v1/customers", status=503, stored=False), 1),
        (Fault("POST", "/v1/customers", status=429), 1),
    ],
    ids=["lock_timeout", "a 503 that says no", "a rate limit"],
)
def test_the_sdk_tries_again_with_the_key_that_it_made(stripe: SandboxClient, fault: Fault, tries: int) -> None:
    """SB 7.6: each POST has a key; what Stripe-Should-Retry refuses is not sent again, and what it asks for is."""
    client = sdk.StripeClient(
        "sk_test_sandbox", base_addresses={"api": stripe.url}, max_network_retries=2,
        http_client=Impatient(),
    )  # fmt: skip
    stripe.world.faults.append(fault)
    if tries == 1:
        with pytest.raises(sdk.StripeError):
            client.v1.customers.create({"name": "Ada"})
    else:
        assert client.v1.customers.create({"name": "Ada"}).name == "Ada"
    keys = [request.idempotency_key for request in stripe.world.requests if request.method == "POST"]
    assert (len(keys), len(set(keys))) == (tries, 1)
    assert 0 < len(keys[0]) <= 255
    assert len(stripe.world.stripe["customers"]) == (0 if tries == 1 else 1)


def test_events_appear_late_and_are_gone_after_thirty_days() -> None:
    """SB 10.5: by a list and by their id; several have the second of one request, and their ids are in no order."""
    with sandbox_client(history=False, limits={"account": 0, "endpoint": 0, "event_delay": 60}) as stripe:
        customers = [stripe.post("/v1/customers")["id"] for _ in range(12)]
        events = {event["data"]["object"]["id"]: event for event in stripe.world.stripe["events"].values()}
        path = f"/v1/events/{events[customers[0]]['id']}"
        stripe.later(59)
        assert stripe.get("/v1/events")["data"] == []
        assert stripe.refused("GET", path)[0] == 404
        stripe.later(1)
        seen = stripe.get("/v1/events", limit=100)["data"]
        assert [event["data"]["object"]["id"] for event in seen] == customers[::-1], "newest first, within a second too"
        assert len({event["created"] for event in seen}) == 1
        ids = [event["id"] for event in seen]
        assert ids not in (sorted(ids), sorted(ids, reverse=True))
        assert stripe.get(path)["id"] in ids
        stripe.later(30 * DAY)
        assert stripe.get("/v1/events")["data"] == []
        status, error = stripe.refused("GET", path)
        assert (status, "aged out of our retention policy" in error["message"]) == (404, True)


def test_an_anchor_after_the_next_natural_date_names_that_date(stripe: SandboxClient) -> None:
    """SB 11.10: by its second; one at it is accepted. A trial moves the natural date behind its end."""
    customer, price = stripe.customer(), stripe.price(1000)
    form: Obj = {"customer": customer, "items": [{"price": price}]}
    started = stripe.world.now
    made = stripe.post("/v1/subscriptions", **form)
    natural = made["items"]["data"][0]["current_period_end"]
    assert natural - started == 30 * DAY
    status, error = stripe.refused("POST", "/v1/subscriptions", **form, billing_cycle_anchor=natural + 1)
    assert (status, error["param"], error["type"]) == (400, "billing_cycle_anchor", "invalid_request_error")
    assert error["message"] == (
        f"billing_cycle_anchor cannot be later than next natural billing date ({natural}) for plan"
    )
    at_it = stripe.post("/v1/subscriptions", **form, billing_cycle_anchor=natural)
    assert at_it["billing_cycle_anchor"] == natural
    trial: Obj = form | {"trial_end": started + 10 * DAY}
    later = stripe.post("/v1/subscriptions", **trial, billing_cycle_anchor=natural + DAY)
    assert (later["status"], later["billing_cycle_anchor"]) == ("trialing", natural + DAY)
    assert stripe.refused("POST", "/v1/subscriptions", **trial, billing_cycle_anchor=natural + 11 * DAY + 1)[0] == 400


def test_a_backdated_start_sets_the_anchor_and_is_charged_at_once(stripe: SandboxClient) -> None:
    """SB 11.10: the anchor is the backdate by default; each period that has begun is a line, paid inside the call."""
    customer, price = stripe.customer(), stripe.price(1000)
    start = stripe.world.now - 62 * DAY - HOUR
    made = stripe.post("/v1/subscriptions", customer=customer, items=[{"price": price}], backdate_start_date=start)
    assert (made["billing_cycle_anchor"], made["start_date"]) == (start, start)
    invoice = stripe.get(f"/v1/invoices/{made['latest_invoice']}")
    assert [line["amount"] for line in invoice["lines"]["data"]] == [1000, 1000, 1000]
    assert (invoice["status"], invoice["amount_paid"]) == ("paid", 3000)

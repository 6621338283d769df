"""Requests and answers against Stripe's own types, derived from the installed package at test time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest
import stripe
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from sandbox.builder import NOW, WorldBuilder, flat
from sandbox.resources.stripe.routes import ROUTES
from sandbox.server import stripe_app
from sandbox.world.stripe_types import spec
from tests.support.harness import Harness

Build = Callable[[WorldBuilder], Harness]
# Fields that Stripe's answers have and its types do not name (FACTS_A 42, 79).
SHOWN = {"product": {"attributes"}, "subscription": {"plan", "quantity"}}
Exchange = tuple[str, str, str, int, dict[str, Any], dict[str, str]]


def validator(reference: str) -> Draft202012Validator:
    registry: Registry[Any] = Registry().with_resource("urn:s", DRAFT202012.create_resource(spec()))
    return Draft202012Validator({"$ref": f"urn:s{reference}"}, registry=registry)


def problems(exchange: Exchange) -> Iterator[str]:
    """Yield the faults of an exchange: fields that are missing, unknown or of the wrong type."""
    verb, path, _, status, body, _ = exchange
    operation = stripe_app.known_operation(verb, path)
    if status != 200:
        if not isinstance(body.get("error"), dict) or "type" not in body["error"] or "message" not in body["error"]:
            yield f"{verb} {path}: an error without type and message"
        return
    answer = spec()["operations"][operation][verb]["answer"]
    if body.get("deleted"):
        return
    checker = validator(answer["$ref"]) if "$ref" in answer else None
    errors = list(checker.iter_errors(body)) if checker else []
    rows = body["data"] if body.get("object") == "list" else [body]
    for row in rows:
        errors += list(validator(f"#/schemas/{row['object']}").iter_errors(row))
        unknown = set(row) - set(spec()["schemas"][row["object"]]["properties"]) - SHOWN.get(row["object"], set())
        for name in unknown:
            yield f"{verb} {path}: {row['object']} has no field {name}"
    yield from (f"{verb} {path}: {'.'.join(map(str, e.absolute_path))}: {e.message[:150]}" for e in errors)
    assert body["object"] == "list" or body["object"] in spec()["schemas"]


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> list[Exchange]:
    """Every exchange with the sandbox's Stripe, as it went over the wire."""
    seen: list[Exchange] = []
    original = stripe_app.StripeApp.handle

    async def handle(self: stripe_app.StripeApp, http: Any) -> Any:
        text = (await http.body()).decode() or http.url.query
        response = await original(self, http)
        import json

        headers = {k.lower(): v for k, v in http.headers.items()}
        seen.append(
            (
                http.method.lower(),
                str(http.scope["path"]),
                text,
                response.status_code,
                json.loads(response.body),
                headers,
            )
        )
        return response

    monkeypatch.setattr(stripe_app.StripeApp, "handle", handle)
    return seen


def busy(harness: Harness, small_world: WorldBuilder) -> None:
    """A life with every kind of write and of read."""
    harness.reconcile()
    small_world.addon("support", "Support!", [flat(12)], version=2)
    small_world.stigg["customers"][0]["name"] = "Renamed"
    small_world.stigg["subscriptions"][0]["prices"][1]["usageLimit"] = 9
    small_world.stigg["subscriptions"][1]["prices"][1]["usageLimit"] = 1
    harness.merge(small_world)
    harness.reconcile()
    gone = next(c for c in harness.objects("customers") if c["metadata"]["stiggCustomerId"] == "c-3")
    harness.stripe().v1.customers.delete(gone["id"])
    harness.reconcile()


def test_every_answer_of_the_sandbox_has_stripes_shape(
    harness_of: Build, small_world: WorldBuilder, recorded: list[Exchange]
) -> None:
    busy(harness_of(small_world), small_world)
    assert len(recorded) >= 50
    assert [p for exchange in recorded for p in problems(exchange)] == []


def test_every_request_of_the_pipeline_is_one_that_stripe_knows(
    harness_of: Build, small_world: WorldBuilder, recorded: list[Exchange]
) -> None:
    busy(harness_of(small_world), small_world)
    made = set()
    for verb, path, text, status, _, headers in recorded:
        operation = stripe_app.known_operation(verb, path)
        made.add((verb, operation))
        params = spec()["operations"][operation][verb]["params"]
        known = spec()["schemas"][params["$ref"].removeprefix("#/schemas/")]["properties"] if "$ref" in params else {}
        for name, _ in parse_qsl(text, keep_blank_values=True):
            assert name.split("[")[0] in known, f"{verb} {operation}: {name}"
        assert headers["stripe-version"] == spec()["version"]
        if verb == "post":
            assert len(headers["idempotency-key"]) <= 255
        assert status in (200, 404), (verb, path, status)
    assert made >= {
        ("get", "/v1/account"), ("get", "/v1/products"), ("get", "/v1/prices"), ("get", "/v1/customers"),
        ("get", "/v1/subscriptions"), ("get", "/v1/customers/{customer}"), ("post", "/v1/products"),
        ("post", "/v1/products/{id}"), ("post", "/v1/prices"), ("post", "/v1/prices/{price}"), ("post", "/v1/customers"),
        ("post", "/v1/customers/{customer}"), ("post", "/v1/subscriptions"), ("post", "/v1/invoices/create_preview"),
        ("post", "/v1/subscriptions/{subscription_exposed_id}"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda p: p.pop("billing_scheme"), "billing_scheme"),
        (lambda p: p.update(activ=p.pop("active")), "activ"),
        (lambda p: p.update(unit_amount="2000"), "2000"),
        (lambda p: p.update(type="sometimes"), "sometimes"),
    ],
)
def test_a_field_that_is_missing_misnamed_or_of_the_wrong_type_is_found(
    harness_of: Build, small_world: WorldBuilder, recorded: list[Exchange], change: Callable[[Any], Any], words: str
) -> None:
    harness_of(small_world).reconcile()
    exchange = next(e for e in recorded if e[0] == "post" and e[1] == "/v1/prices")
    assert list(problems(exchange)) == []
    change(exchange[4])
    assert any(words in problem for problem in problems(exchange))


def test_every_modelled_operation_is_one_of_stripes() -> None:
    for route in ROUTES:
        operation = spec()["operations"][route.path][route.verb]
        params = operation["params"]
        known = (
            set(spec()["schemas"][params["$ref"].removeprefix("#/schemas/")]["properties"])
            if "$ref" in params
            else set()
        )
        assert route.understands - {"expand"} <= known, (route.verb, route.path, route.understands - known)


CASES = [
    ("POST", "/v1/prices", "product=p&unit_amount=1", 400, "parameter_missing"),
    ("POST", "/v1/prices", "currency=usd&product=p&recurring[interval]=fortnight", 400, None),
    ("POST", "/v1/products", "name=x&colour=red", 400, "parameter_unknown"),
    ("POST", "/v1/products", "name=", 400, "parameter_invalid_empty"),
    ("POST", "/v1/products/nothing", "name=x", 404, "resource_missing"),
    ("POST", "/v1/subscriptions", "customer=cus_none&items[0][price]=p", 404, "resource_missing"),
    ("POST", "/v1/subscriptions", "customer=c&items[0][price]=p&items[0][foo]=1", 400, "parameter_unknown"),
    ("POST", "/v1/customers", f"name={'x' * 257}", 400, "parameter_invalid_string_too_long"),
    ("POST", "/v1/customers", "metadata[k]=" + "x" * 501, 400, None),
    ("POST", "/v1/coupons", "percent_off=5&duration=once&redeem_by=5", 400, None),
    ("POST", "/v1/coupons", "percent_off=101", 400, None),
    ("GET", "/v1/customers", "limit=-1", 400, None),
    ("GET", "/v1/customers", "updated=1", 400, "parameter_unknown"),
    ("GET", "/v1/customers", "starting_after=cus_none", 400, "resource_missing"),
    ("GET", "/v1/unicorns", "", 404, None),
    ("GET", "/v1/invoices/search", "query=x", 501, "not_modelled"),
    ("POST", "/v1/customers", "cash_balance[settings][reconciliation_mode]=manual", 501, "not_modelled"),
]


@pytest.mark.parametrize(("verb", "path", "text", "status", "code"), CASES)
def test_what_stripe_refuses_the_sandbox_refuses(
    harness_of: Build, small_world: WorldBuilder, verb: str, path: str, text: str, status: int, code: str | None
) -> None:
    harness = harness_of(small_world)
    answer = call(harness, verb, path, text)
    assert (answer.status_code, answer.json()["error"].get("code")) == (status, code), answer.text
    assert answer.headers["request-id"].startswith("req_")


def call(harness: Harness, verb: str, path: str, text: str = "", **headers: str) -> httpx.Response:
    url = f"{harness.stripe_url}{path}"
    auth = ("sk_test_sandbox", "")
    if verb == "GET":
        return httpx.get(f"{url}?{text}", auth=auth, headers=headers, verify=False)
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    return httpx.post(url, content=text, auth=auth, headers=kind | headers, verify=False)


def test_an_idempotency_key_replays_its_answer_and_refuses_other_parameters(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    harness = harness_of(small_world)
    first = call(harness, "POST", "/v1/customers", "name=A", **{"Idempotency-Key": "k"})
    again = call(harness, "POST", "/v1/customers", "name=A", **{"Idempotency-Key": "k"})
    assert first.json()["id"] == again.json()["id"]
    assert again.headers["idempotent-replayed"] == "true"
    other = call(harness, "POST", "/v1/customers", "name=B", **{"Idempotency-Key": "k"})
    assert other.json()["error"]["type"] == "idempotency_error"
    assert len(harness.objects("customers")) == 1


def test_lists_are_newest_first_in_pages_of_ten_and_hide_what_stripe_hides(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    harness = harness_of(small_world)
    ids = [call(harness, "POST", "/v1/customers", f"name={n}").json()["id"] for n in range(25)]
    page = call(harness, "GET", "/v1/customers").json()
    assert [row["id"] for row in page["data"]] == ids[:-11:-1]
    assert page["has_more"] is True
    rest = call(harness, "GET", "/v1/customers", f"limit=100&starting_after={page['data'][-1]['id']}").json()
    assert (len(rest["data"]), rest["has_more"]) == (15, False)
    harness.reconcile()
    default = next(p for p in harness.objects("products") if p["default_price"])
    refused = call(harness, "POST", f"/v1/prices/{default['default_price']}", "active=false")
    assert refused.status_code == 400, "a default price cannot be archived"
    harness.stripe().v1.prices.create(
        {
            "product": default["id"],
            "currency": "usd",
            "unit_amount": 1,
            "active": False,
            "recurring": {"interval": "month"},
        }
    )
    shown = call(harness, "GET", "/v1/prices", "limit=100").json()["data"]
    hidden = call(harness, "GET", "/v1/prices", "limit=100&active=false").json()["data"]
    assert (len(shown), len(hidden)) == (3, 1), "only active prices by default"


def test_a_lookup_key_belongs_to_one_price_and_is_taken_by_transfer(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    harness = harness_of(small_world)
    product = call(harness, "POST", "/v1/products", "name=x").json()["id"]
    body = f"currency=usd&product={product}&unit_amount=5&lookup_key=k"
    first = call(harness, "POST", "/v1/prices", body).json()["id"]
    assert call(harness, "POST", "/v1/prices", body).status_code == 400
    second = call(harness, "POST", "/v1/prices", f"{body}&transfer_lookup_key=true").json()
    assert second["lookup_key"] == "k"
    assert call(harness, "GET", f"/v1/prices/{first}").json()["lookup_key"] is None
    assert call(harness, "POST", f"/v1/prices/{first}", "unit_amount=6").json()["error"]["code"] == "parameter_unknown"


def test_metadata_is_unset_by_an_empty_string_and_else_merged(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    id = call(harness, "POST", "/v1/customers", "metadata[a]=1&metadata[b]=2").json()["id"]
    assert call(harness, "POST", f"/v1/customers/{id}", "metadata[a]=").json()["metadata"] == {"b": "2"}
    assert call(harness, "POST", f"/v1/customers/{id}", "metadata=").json()["metadata"] == {}


def test_a_key_of_nobody_is_401_and_is_not_repeated(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    answer = httpx.get(f"{harness.stripe_url}/v1/account", auth=("sk_test_stolen_key", ""), verify=False)
    assert answer.status_code == 401
    assert "stolen" not in answer.text


def test_too_many_requests_are_429_with_the_reason(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    harness.world.limits = {"account": 0, "endpoint": 1}
    with ThreadPoolExecutor(8) as pool:  # one after another a busy machine may take longer than the limit allows
        answers = list(pool.map(lambda _: call(harness, "GET", "/v1/account"), range(8)))
    assert {a.status_code for a in answers} == {200, 429}
    assert {a.headers.get("stripe-rate-limited-reason") for a in answers if a.status_code == 429} == {"endpoint-rate"}


def test_a_clock_that_passes_a_renewal_makes_a_draft_and_finalizes_it_an_hour_later(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    harness = harness_of(small_world)
    harness.reconcile()
    ends = [i["current_period_end"] for s in harness.objects("subscriptions") for i in s["items"]["data"]]
    advanced = httpx.post(f"{harness.stripe_url}/_world/clock", json={"now": max(ends)}, verify=False)
    assert advanced.status_code == 200
    cycle = [i for i in harness.objects("invoices") if i["billing_reason"] == "subscription_cycle"]
    assert [(i["status"], i["automatically_finalizes_at"] - i["created"]) for i in cycle] == [("draft", 3601)] * 3
    assert httpx.post(f"{harness.stigg_url}/_world/clock", json={"advance": 3602}, verify=False).status_code == 200
    assert {i["status"] for i in cycle} == {"open"}


def test_the_hosted_pages_have_stripes_shape(
    harness_of: Build, small_world: WorldBuilder, recorded: list[Exchange]
) -> None:
    from stripe_sync.jobs.checkout import portal
    from stripe_sync.jobs.runtime.manual_actions import Operator
    from tests.scenarios.test_checkout import completed, opened, pays

    small_world.customer("new", "New", "new@example.test")
    harness = harness_of(small_world)
    harness.reconcile()
    page = opened(harness, trial_days=7)
    pays(harness, page)
    completed(harness, page["session"])
    harness.reconcile()
    session = harness.session()
    portal.apply(session, Operator("ada", "x"))
    portal.link(session, "c-1")
    session.close()
    seen = [e for e in recorded if "checkout" in e[1] or "billing_portal" in e[1] or e[1] == "/v1/subscriptions"]
    assert len(seen) >= 6
    assert [problem for exchange in seen for problem in problems(exchange)] == []


def test_meters_answer_in_stripes_shapes(
    harness_of: Build, small_world: WorldBuilder, recorded: list[Exchange]
) -> None:
    api = harness_of(small_world).stripe().v1.billing
    made = api.meters.create(
        {"display_name": "Calls", "event_name": "calls", "default_aggregation": {"formula": "sum"}}
    )
    payload = {"stripe_customer_id": "cus_none", "value": "1"}
    api.meter_events.create({"event_name": "calls", "payload": payload, "identifier": "one"})
    api.meters.list()
    api.meters.event_summaries.list(made.id, {"customer": "cus_none", "start_time": 0, "end_time": 60})
    api.meters.deactivate(made.id)
    api.meters.reactivate(made.id)
    assert [p for exchange in recorded for p in problems(exchange)] == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"event_name": "other"}, "no_meter"),
        ({"timestamp": NOW - 36 * 86_400}, "timestamp_too_far_in_past"),
        ({"timestamp": NOW + 600}, "timestamp_in_future"),
        ({"payload": {"stripe_customer_id": "cus_1", "value": "1e3"}}, "meter_event_invalid_value"),
        ({"payload": {"stripe_customer_id": "cus_1", "value": "1" * 16}}, "meter_event_value_too_many_digits"),
        ({"payload": {"value": "1"}}, "meter_event_no_customer_defined"),
        ({"identifier": "taken"}, None),
    ],
)
def test_an_event_that_stripe_would_not_take_is_refused(
    harness_of: Build, small_world: WorldBuilder, change: Any, code: str | None
) -> None:
    api = harness_of(small_world).stripe().v1.billing
    api.meters.create({"display_name": "Calls", "event_name": "calls", "default_aggregation": {"formula": "sum"}})
    event: Any = {
        "event_name": "calls",
        "payload": {"stripe_customer_id": "cus_1", "value": "1"},
        "identifier": "taken",
    }
    api.meter_events.create(event)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        api.meter_events.create(event | {"identifier": "another"} | change)
    assert refused.value.code == code

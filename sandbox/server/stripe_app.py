"""Stripe's server: authentication, limits, idempotency, routing and error bodies."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import re
import time
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response

from sandbox.billing.test_clocks import pass_time
from sandbox.resources.stripe import (
    balance_transactions,
    cancellation,
    checkout,
    coupons,
    credit_notes,
    invoice_lines,
    invoice_steps,
    invoiceitems,
    invoices,
    meters,
    objects,
    payment_methods,
    people,
    portal,
    previews,
    prices,
    products,
    promotion_codes,
    refunds,
    routes,
    schedules,
    subscription_items,
    subscriptions,
    tax,
    tax_rates,
)
from sandbox.resources.stripe.test_clocks import in_its_time
from sandbox.world import forms, ids
from sandbox.world.refusal import NotModelled, StripeRefusal
from sandbox.world.state import Fault, Obj, Request, World
from sandbox.world.stripe_types import spec

# Importing a module of resources registers its operations.
MODELLED = (
    balance_transactions,
    cancellation,
    checkout,
    credit_notes,
    invoice_lines,
    invoice_steps,
    coupons,
    invoiceitems,
    invoices,
    meters,
    payment_methods,
    people,
    portal,
    previews,
    prices,
    products,
    promotion_codes,
    refunds,
    schedules,
    subscription_items,
    subscriptions,
    tax,
    tax_rates,
)
KINDS = {"products": "product", "prices": "price", "coupons": "coupon", "customers": "customer",
         "subscriptions": "subscription", "invoices": "invoice"}  # fmt: skip


LOG = "https://dashboard.stripe.com/{account}/test/workbench/logs?object={request}"


@dataclass
class Bucket:
    """A token bucket in real time: ``rate`` a second, a burst of the same size."""

    rate: float
    tokens: float = 0.0
    at: float = field(default_factory=time.monotonic)

    def take(self) -> bool:
        now = time.monotonic()
        self.tokens = min(self.rate, self.tokens + (now - self.at) * self.rate)
        self.at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


class StripeApp:
    """One Stripe account. Limits are those of a Stripe sandbox unless the world says otherwise (0: none)."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.replays = world.replays
        self.buckets: dict[str, Bucket] = {}
        self.count = 0

    async def handle(self, http: HttpRequest) -> Response:
        self.count += 1
        request_id = ids.object_id("req", self.count, self.world.now)
        path, verb = str(http.scope["path"]), http.method.lower()
        text = (await http.body()).decode() if verb == "post" else http.url.query
        params: Obj = {}
        headers: dict[str, str] = {}
        logged = True
        fault = self.world.fault(http.method, path)
        if fault and fault.kind == "delay":
            await asyncio.sleep(fault.seconds)
        elif fault and fault.kind == "clock":
            pass_time(
                self.world, self.world.now + int(fault.seconds), lambda type, obj: objects.record(self.world, type, obj)
            )
        try:
            if fault and fault.when == "before" and fault.kind in ("status", "reset"):
                raise broken(fault)
            params, (status, body, headers) = self.answer(http, verb, path, text, request_id)
            if fault and fault.kind in ("status", "reset"):
                raise broken(fault)
            body = bent(fault, body) if fault else body
        except StripeRefusal as refusal:
            status, body, headers, logged = refusal.status, refusal.body, refusal.headers, refusal.logged
        except NotModelled as gap:
            message = f"The sandbox does not model {gap}"
            status, body = 501, {"error": {"type": "api_error", "code": "not_modelled", "message": message}}
        if "error" in body and logged:
            log = LOG.format(account=self.world.account.get("id"), request=request_id)
            body["error"].setdefault("request_log_url", log)
        self.world.requests.append(Request("stripe", verb.upper(), path, params, status, request_id))
        if fault and fault.kind in ("reset", "truncate"):
            return Half(body if fault.kind == "truncate" else {})
        version = http.headers.get("stripe-version", spec()["version"])
        return JSONResponse(body, status, headers={"Request-Id": request_id, "Stripe-Version": version} | headers)

    def answer(
        self, http: HttpRequest, verb: str, path: str, text: str, request_id: str
    ) -> tuple[Obj, tuple[int, Obj, dict[str, str]]]:
        self.authenticate(http)
        check_version(http.headers.get("stripe-version", spec()["version"]))
        operation = known_operation(verb, path)
        self.limit(verb, operation)
        found = routes.match(verb, path)
        if found is None:
            raise NotModelled(f"{verb.upper()} {operation}")
        route, found_ids = found
        schema = spec()["operations"][operation][verb]["params"]
        params = forms.read(text, schema, kind=KINDS.get(path.split("/")[2], ""))
        routes.refuse_unmodelled(route, params)
        key = http.headers.get("idempotency-key") if verb == "post" else None
        call = routes.Call(self.world, found_ids, params, request_id, key, verb)
        if key is None:
            return params, (200, self.run(route, call), {})
        return params, self.once(route, call, f"{path}\n{text}")

    def run(self, route: routes.Route, call: routes.Call) -> Obj:
        expand = call.params.pop("expand", [])
        with in_its_time(route, call):
            return objects.shown(self.world, route.handler(call), expand)

    def once(self, route: routes.Route, call: routes.Call, content: str) -> tuple[int, Obj, dict[str, str]]:
        """The first answer to an idempotency key is kept and replayed; validation errors are not kept."""
        key = call.idempotency_key or ""
        if len(key) > 255:
            raise StripeRefusal("Idempotency keys can have at most 255 characters", type="idempotency_error")
        digest = hashlib.sha256(content.encode()).hexdigest()
        if key in self.replays:
            kept, status, body = self.replays[key]
            if kept != digest:
                raise StripeRefusal(
                    f"Keys for idempotent requests can only be used with the same parameters they were first used with. "
                    f"Try using a key other than '{key}' if you meant to execute a different request.",
                    type="idempotency_error",
                )
            return status, json.loads(json.dumps(body)), {"Idempotent-Replayed": "true", "Idempotency-Key": key}
        status, body = 200, {}
        try:
            body = self.run(route, call)
        except StripeRefusal as refusal:
            if refusal.status != 402:
                raise
            status, body = refusal.status, refusal.body
        self.replays[key] = (digest, status, json.loads(json.dumps(body)))
        return status, body, {"Idempotency-Key": key}

    def authenticate(self, http: HttpRequest) -> None:
        scheme, _, value = http.headers.get("authorization", "").partition(" ")
        key = base64.b64decode(value).decode().partition(":")[0] if scheme == "Basic" else value
        if not key:
            raise StripeRefusal("You did not provide an API key.", status=401)
        if key not in self.world.stripe_keys:
            shown = f"{key[:8]}{'*' * 8}{key[-4:]}"
            raise StripeRefusal(f"Invalid API Key provided: {shown}", status=401)

    def limit(self, verb: str, operation: str) -> None:
        """25 a second an endpoint, 25 a second an account: a sandbox account's limits."""
        rates = {
            "global-rate": self.world.limits.get("account", 25),
            "endpoint-rate": self.world.limits.get("endpoint", 25),
        }
        for reason, rate in rates.items():
            if rate <= 0:
                continue
            name = reason if reason == "global-rate" else f"{verb} {operation}"
            if not self.buckets.setdefault(name, Bucket(rate, tokens=rate)).take():
                raise StripeRefusal(
                    "Request rate limit exceeded. Learn more about rate limits here: https://stripe.com/docs/rate-limits.",
                    status=429,
                    code="rate_limit",
                    headers={"Stripe-Rate-Limited-Reason": reason},
                )


class Half(Response):
    """An answer that ends too early: the length that was announced never comes, and the connection is gone."""

    def __init__(self, body: Obj) -> None:
        whole = json.dumps(body).encode()
        super().__init__(whole[: len(whole) // 2], media_type="application/json")
        self.headers["content-length"] = str(len(whole) + 100)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        raise ConnectionResetError("the connection was broken off on purpose")


def bent(fault: Fault, body: Obj) -> Obj:
    """An answer that is not the whole truth: an old list, a page that moved, another account."""
    if fault.kind == "stale" and body.get("object") == "list":
        fault.kept = fault.kept if fault.kept is not None else body
        return dict(fault.kept)
    if fault.kind == "shift" and body.get("object") == "list" and body["data"]:
        return body | {"data": body["data"][:-1], "has_more": True}
    if fault.kind == "account" and body.get("object") == "account":
        return body | {"id": "acct_1ANOTHER00000001"}
    return body


def broken(fault: Fault) -> StripeRefusal:
    """Stripe's answer to a fault."""
    kinds = {429: "rate_limit", 409: "lock_timeout"}
    headers = {"Stripe-Rate-Limited-Reason": "endpoint-rate"} if fault.status == 429 else {}
    return StripeRefusal(
        "An error that this world was told to make.",
        status=fault.status,
        type="api_error" if fault.status >= 500 else "invalid_request_error",
        code=kinds.get(fault.status),
        headers={"Stripe-Should-Retry": "false"} | headers,
    )


def known_operation(verb: str, path: str) -> str:
    """The path template in Stripe's own types; a path that Stripe does not know is a 404."""
    operations: dict[str, Any] = spec()["operations"]
    for template in sorted(operations, key=lambda t: t.count("{")):
        if verb in operations[template] and routes.pattern(template).match(path):
            return template
    raise StripeRefusal(
        f"Unrecognized request URL ({verb.upper()}: {path}). Please see https://stripe.com/docs or we can help at "
        "https://support.stripe.com/.",
        status=404,
        logged=False,
    )


def check_version(version: str) -> None:
    """Refuse a version that Stripe cannot have (FACTS_A 74); another one than the pinned one is not modelled."""
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}(\.[a-z]+)?", version):
        raise StripeRefusal(f"Invalid Stripe API version: {version}", logged=False)
    if version != spec()["version"]:
        raise NotModelled(f"Stripe-Version {version}")

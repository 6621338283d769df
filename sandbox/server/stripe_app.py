"""Stripe's server: authentication, limits, idempotency, routing and error bodies."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response

from sandbox.resources.stripe import (
    catalog,
    invoiceitems,
    invoices,
    objects,
    people,
    routes,
    schedules,
    subscriptions,
    tax,
)
from sandbox.world import forms
from sandbox.world.refusal import NotModelled, StripeRefusal
from sandbox.world.state import Fault, Obj, Request, World
from sandbox.world.stripe_types import spec

# Importing a module of resources registers its operations.
MODELLED = (catalog, invoiceitems, invoices, people, schedules, subscriptions, tax)
KINDS = {"products": "product", "prices": "price", "coupons": "coupon", "customers": "customer",
         "subscriptions": "subscription", "invoices": "invoice"}  # fmt: skip


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
        self.replays: dict[str, tuple[str, int, Obj]] = {}
        self.buckets: dict[str, Bucket] = {}
        self.count = 0

    async def handle(self, http: HttpRequest) -> Response:
        self.count += 1
        request_id = f"req_S{self.count:010d}"
        path, verb = str(http.scope["path"]), http.method.lower()
        text = (await http.body()).decode() if verb == "post" else http.url.query
        params: Obj = {}
        headers: dict[str, str] = {}
        fault = self.world.fault(http.method, path)
        try:
            if fault and fault.when == "before":
                raise broken(fault)
            params, (status, body, headers) = self.answer(http, verb, path, text, request_id)
            if fault:
                raise broken(fault)
        except StripeRefusal as refusal:
            status, body, headers = refusal.status, refusal.body, refusal.headers
        except NotModelled as gap:
            message = f"The sandbox does not model {gap}"
            status, body = 501, {"error": {"type": "api_error", "code": "not_modelled", "message": message}}
        self.world.requests.append(Request("stripe", verb.upper(), path, params, status, request_id))
        body.get("error", {}).setdefault("request_log_url", f"https://dashboard.stripe.com/logs/{request_id}")
        version = http.headers.get("stripe-version", spec()["version"])
        return JSONResponse(body, status, headers={"Request-Id": request_id, "Stripe-Version": version} | headers)

    def answer(
        self, http: HttpRequest, verb: str, path: str, text: str, request_id: str
    ) -> tuple[Obj, tuple[int, Obj, dict[str, str]]]:
        self.authenticate(http)
        operation = known_operation(verb, path)
        self.limit(verb, operation)
        version = http.headers.get("stripe-version", spec()["version"])
        if version != spec()["version"]:
            raise NotModelled(f"Stripe-Version {version}")
        found = routes.match(verb, path)
        if found is None:
            raise NotModelled(f"{verb.upper()} {operation}")
        route, ids = found
        schema = spec()["operations"][operation][verb]["params"]
        params = forms.read(text, schema, kind=KINDS.get(path.split("/")[2], ""))
        routes.refuse_unmodelled(route, params)
        key = http.headers.get("idempotency-key") if verb == "post" else None
        call = routes.Call(self.world, ids, params, request_id, key)
        if key is None:
            return params, (200, self.run(route, call), {})
        return params, self.once(route, call, f"{path}\n{text}")

    def run(self, route: routes.Route, call: routes.Call) -> Obj:
        expand = call.params.pop("expand", [])
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
    raise StripeRefusal(f"Unrecognized request URL ({verb.upper()}: {path}).", status=404)

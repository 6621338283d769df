"""Stripe's server: authentication, limits, idempotency, routing and error bodies."""

from __future__ import annotations

import asyncio
import json
import re
import time
from dataclasses import dataclass, field
from functools import cache, lru_cache, partial
from typing import Any

from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from sandbox.billing.test_clocks import pass_time
from sandbox.resources.stripe import (
    balance_transactions,
    cancellation,
    checkout,
    coupons,
    credit_notes,
    expanding,
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
from sandbox.server import faults, idempotency, rights
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
        self.conflicts = idempotency.Conflicts()
        self.buckets: dict[str, Bucket] = {}
        self.count = 0

    async def handle(self, http: HttpRequest) -> Response:
        self.count += 1
        request_id = ids.object_id("req", self.count, self.world.now)
        path, verb = str(http.scope["path"]), http.method.lower()
        text = (await http.body()).decode() if verb == "post" else http.url.query
        call: routes.Call | None = None
        headers: dict[str, str] = {}
        logged, needed = True, rights.needed(verb, path, [])
        fault = self.world.fault(http.method, path)
        if fault and fault.kind == "clock":
            pass_time(self.world, self.world.now + int(fault.seconds), partial(objects.record, self.world))
        try:
            if fault and fault.when == "before" and fault.kind in faults.REFUSES and not idempotency.is_stored(fault):
                raise faults.broken(fault)
            route, call = self.read(http, verb, path, text, request_id)
            needed = rights.needed(verb, path, call.params.get("expand", []))
            with self.conflicts.entered(self.world, verb=verb, key=call.idempotency_key, ids=call.ids):
                if fault and fault.kind == "delay":
                    await asyncio.sleep(fault.seconds)
                status, body, headers = self.once(route, call, (path, text), fault)
            if fault and fault.kind in faults.REFUSES and not idempotency.is_stored(fault):
                raise faults.broken(fault)
            body = faults.bent(fault, body) if fault else body
        except StripeRefusal as refusal:
            status, body, headers, logged = refusal.status, refusal.body, refusal.headers, refusal.logged
        except NotModelled as gap:
            message = f"The sandbox does not model {gap}"
            status, body = 501, {"error": {"type": "api_error", "code": "not_modelled", "message": message}}
        if "error" in body and logged:
            log = LOG.format(account=self.world.account.get("id"), request=request_id)
            body["error"].setdefault("request_log_url", log)
        key = http.headers.get("idempotency-key", "")
        params = call.params if call else {}
        self.world.requests.append(Request("stripe", verb.upper(), path, params, status, request_id, needed, key))
        version = http.headers.get("stripe-version", spec()["version"])
        return faults.sent(fault, body, status, {"Request-Id": request_id, "Stripe-Version": version} | headers)

    def read(
        self, http: HttpRequest, verb: str, path: str, text: str, request_id: str
    ) -> tuple[routes.Route, routes.Call]:
        """Return the parsed request, after the checks that precede its execution."""
        key_given = rights.authenticate(self.world, http.headers.get("authorization", ""))
        check_version(http.headers.get("stripe-version", spec()["version"]))
        operation = known_operation(verb, path)
        rights.check(self.world, key_given, rights.needed(verb, path, []))
        self.limit(verb, operation)
        found = routes.match(verb, path)
        if found is None or routes.pattern(found[0].path).pattern != routes.pattern(operation).pattern:
            raise NotModelled(f"{verb.upper()} {operation}")
        route, found_ids = found
        types = spec()["operations"][operation][verb]
        params = forms.read(text, types["params"], kind=KINDS.get(path.split("/")[2], ""))
        routes.refuse_unmodelled(route, params)
        expanding.check(types["answer"], params.get("expand", []))
        rights.check(self.world, key_given, rights.expanded(params.get("expand", [])))
        key = http.headers.get("idempotency-key") if verb == "post" else None
        return route, routes.Call(self.world, found_ids, params, request_id, key, verb)

    def run(self, route: routes.Route, call: routes.Call) -> Obj:
        expand = call.params.pop("expand", [])
        with in_its_time(route, call):
            return expanding.shown(self.world, route.handler(call), expand)

    def once(
        self, route: routes.Route, call: routes.Call, sent: tuple[str, str], fault: Fault | None
    ) -> tuple[int, Obj, dict[str, str]]:
        """Carry a request out, or replay the answer that is kept for its idempotency key; ``sent`` is (path, body)."""
        key = call.idempotency_key
        if key is None:
            return 200, self.carried_out(route, call, fault), {}
        if old := idempotency.kept(self.world, key, sent):
            return old.status, json.loads(json.dumps(old.body)), {"Idempotent-Replayed": "true", "Idempotency-Key": key}
        headers = {"Idempotency-Key": key}
        try:
            status, body = 200, self.carried_out(route, call, fault)
        except StripeRefusal as refusal:
            if not idempotency.is_kept(self.world, refusal):
                raise
            status, body, headers = refusal.status, refusal.body, headers | refusal.headers
        idempotency.keep(self.world, key, sent, status=status, body=body)
        return status, body, headers

    def carried_out(self, route: routes.Route, call: routes.Call, fault: Fault | None) -> Obj:
        """Return the answer of a handler, or that of an injected fault before or after its effect."""
        own = fault is not None and idempotency.is_stored(fault)
        if fault and own and fault.when == "before":
            raise faults.broken(fault)
        body = self.run(route, call)
        if fault and own:
            raise faults.broken(fault)
        return body

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


@cache
def by_templates() -> list[str]:
    """Return Stripe's paths, those with the fewest templates first."""
    return sorted(spec()["operations"], key=lambda t: t.count("{"))


@lru_cache(maxsize=4096)
def known_operation(verb: str, path: str) -> str:
    """Return the path template in Stripe's types; a path unknown to Stripe is a 404, one not modelled a 501."""
    operations: dict[str, Any] = spec()["operations"]
    for template in by_templates():
        if verb in operations[template] and routes.pattern(template).match(path):
            return template
    for template, verbs in spec()["elsewhere"].items():
        if verb in verbs and routes.pattern(template).match(path):
            raise NotModelled(f"{verb.upper()} {template}")
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

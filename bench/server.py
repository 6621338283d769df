"""A stub of Stripe lists and Stigg subscriptions and usage for benchmarks: answers that are rendered once, a latency, a limit; in a
process of its own.

It is no sandbox: it knows lists of one shape on each side and one history of use, and counts requests and refusals. ``python -m bench.server COUNT LATENCY RATE SOCKET``.
"""

from __future__ import annotations

import asyncio
import bisect
import json
import socket
import sys
import time
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

NOW = 1_800_000_000
PAGE = 100


def subscription(number: int, created: int) -> dict[str, Any]:
    """Return a subscription of three items, with the fields that Stripe shows."""
    items = [
        {"id": f"si_{number}_{n}", "object": "subscription_item", "created": created, "current_period_end": created + 2_592_000,
         "current_period_start": created, "metadata": {}, "quantity": n + 1, "subscription": f"sub_{number}", "discounts": [],
         "price": {"id": f"price_{n}", "object": "price", "active": True, "billing_scheme": "per_unit", "created": NOW,
                   "currency": "usd", "livemode": False, "lookup_key": None, "metadata": {}, "product": f"prod_{n}",
                   "recurring": {"interval": "month", "interval_count": 1, "usage_type": "licensed", "meter": None},
                   "type": "recurring", "unit_amount": 500, "unit_amount_decimal": "500", "tax_behavior": "unspecified"}}
        for n in range(3)
    ]  # fmt: skip
    return {"id": f"sub_{number}", "object": "subscription", "created": created, "currency": "usd", "customer": f"cus_{number}",
            "livemode": False, "metadata": {"stiggEntityId": f"s-{number}"}, "status": "active", "collection_method": "send_invoice",
            "billing_cycle_anchor": created, "start_date": created, "days_until_due": 30, "discounts": [], "schedule": None,
            "items": {"object": "list", "data": items, "has_more": False, "url": "/v1/subscription_items"},
            "automatic_tax": {"enabled": False}, "billing_mode": {"type": "flexible"}, "latest_invoice": None}  # fmt: skip


def times(count: int) -> list[int]:
    """Half of all objects were made on one day, a migration; the rest over three years. Newest first."""
    migration, years = NOW - 400 * 86_400, 3 * 365 * 86_400
    spread = [NOW - years * n // max(1, count // 2) for n in range(count // 2)]
    return sorted([*spread, *(migration + 86_400 * n // count for n in range(count - count // 2))], reverse=True)


USED = json.dumps(
    {"data": {"usageHistoryV2": {"series": [{"points": [
        {"timestamp": f"2027-01-{day:02}T00:00:00.000Z", "value": 100.5 * day, "isResetPoint": False} for day in range(1, 16)
    ]}]}}}
).encode()  # fmt: skip

FLAT = {"id": "p", "billingModel": "FLAT_FEE", "billingPeriod": "MONTHLY", "price": {"amount": 20, "currency": "USD"}}
CHARGES = [
    {"id": f"charge-{n}", "billingModel": "FLAT_FEE", "updatedAt": "2027-01-01T00:00:00.000Z", "price": FLAT}
    for n in range(3)
]
SUBSCRIBED = json.dumps(
    {"cursor": "NUMBER", "node": {
        "id": "s-NUMBER", "subscriptionId": "s-NUMBER", "status": "ACTIVE", "pricingType": "PAID", "billingPeriod": "MONTHLY",
        "paymentCollectionMethod": "INVOICE", "startDate": "2027-01-01T00:00:00.000Z", "customer": {"customerId": "c-NUMBER"},
        "plan": {"refId": "pro", "versionNumber": 1, "product": {"refId": "acme"}}, "addons": [], "prices": CHARGES,
    }}
).encode()  # fmt: skip


class Lists:
    """Answer every path with the same lists."""

    def __init__(self, count: int, latency: float, rate: float) -> None:
        self.created = times(count)
        self.rows = [json.dumps(subscription(n, at)).encode() for n, at in enumerate(self.created)]
        self.oldest_first = [-at for at in self.created]  # ascending, for bisect
        self.latency, self.rate = latency, rate
        self.requests = self.refused = 0
        self.tokens, self.at = rate, time.monotonic()

    async def page(self, request: Request) -> Response:
        query = request.query_params
        if self.rate and not self.take():
            self.refused += 1
            body = {"error": {"type": "invalid_request_error", "code": "rate_limit", "message": "slow down"}}
            return JSONResponse(body, 429, headers={"Stripe-Rate-Limited-Reason": "endpoint-rate"})
        self.requests += 1
        if self.latency:
            await asyncio.sleep(self.latency)
        limit = int(query.get("limit", 10))
        first = bisect.bisect_left(self.oldest_first, -int(query.get("created[lte]", NOW)))
        last = (
            bisect.bisect_left(self.oldest_first, -int(query["created[gt]"]))
            if "created[gt]" in query
            else len(self.rows)
        )
        if "starting_after" in query:
            first = int(query["starting_after"].partition("_")[2]) + 1
        shown = self.rows[first : min(first + limit, last)]
        more = b"true" if first + limit < last else b"false"
        content = b'{"object":"list","url":"/v1/x","has_more":' + more + b',"data":[' + b",".join(shown) + b"]}"
        return Response(content, media_type="application/json", headers={"Request-Id": "req_bench"})

    async def stigg(self, request: Request) -> Response:
        """Stigg: a page of its subscriptions, or the history of use of any customer."""
        if self.rate and not self.take():
            self.refused += 1
            return JSONResponse({"errors": [{"extensions": {"code": "RateLimitExceeded"}}]}, 429)
        self.requests += 1
        body = await request.json()
        if self.latency:
            await asyncio.sleep(self.latency)
        content = USED if body["operationName"] == "UsageHistory" else self.subscribed(**body["variables"]["paging"])
        return Response(content, media_type="application/json")

    def subscribed(self, first: int, after: str = "-1") -> bytes:
        begin, count = int(after) + 1, len(self.created)
        numbers = range(begin, min(begin + first, count))
        rows = b",".join(SUBSCRIBED.replace(b"NUMBER", b"%d" % number) for number in numbers)
        page = json.dumps({"hasNextPage": numbers.stop < count, "endCursor": str(numbers.stop - 1)}).encode()
        found = b'{"totalCount":%d,"pageInfo":%b,"edges":[%b]}' % (count, page, rows)
        return b'{"data":{"customerSubscriptions":' + found + b"}}"

    def take(self) -> bool:
        now = time.monotonic()
        self.tokens = min(self.rate, self.tokens + (now - self.at) * self.rate)
        self.at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True

    async def counts(self, request: Request) -> Response:
        """Return the counts since the previous call."""
        found = {"requests": self.requests, "refused": self.refused}
        self.requests = self.refused = 0
        return JSONResponse(found)


def main() -> None:
    count, latency, rate, listening = int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
    lists = Lists(count, latency, rate)
    stigg = Route("/graphql", lists.stigg, methods=["POST"])
    app = Starlette(routes=[Route("/counts", lists.counts), stigg, Route("/v1/{path:path}", lists.page)])
    with socket.socket(fileno=listening) as taken:
        uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False)).run(sockets=[taken])


if __name__ == "__main__":
    main()

"""Injected faults: errors, truncated answers, HTML instead of JSON, slow answers."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from starlette.responses import JSONResponse, Response

from sandbox.server.idempotency import lock_timeout
from sandbox.world.refusal import StripeRefusal
from sandbox.world.state import Fault, Obj

REFUSES = ("status", "reset", "lock")  # kinds that answer with an error, or not at all
CODES = {429: "rate_limit", 409: "idempotency_key_in_use"}
PAGE = "<html><head><title>503 Service busy</title></head><body>The service is busy.</body></html>"


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


class Trickle(JSONResponse):
    """An answer that comes byte by byte, one in so many seconds."""

    def __init__(self, body: Obj, status: int, headers: dict[str, str], *, seconds: float) -> None:
        super().__init__(body, status, headers=headers)
        self.seconds = seconds

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        gone = asyncio.ensure_future(receive())  # the next message is that the client has gone
        for byte in bytes(self.body):
            await send({"type": "http.response.body", "body": bytes([byte]), "more_body": True})
            if (await asyncio.wait([gone], timeout=self.seconds))[0]:
                return
        gone.cancel()
        await send({"type": "http.response.body", "body": b""})


def sent(fault: Fault | None, body: Obj, status: int, headers: dict[str, str]) -> Response:
    """Return an answer as the wire carries it, which a fault may spoil."""
    if fault and fault.kind in ("reset", "truncate"):
        return Half(body if fault.kind == "truncate" else {})
    if fault and fault.kind == "html":
        return Response(PAGE, media_type="text/html")
    if fault and fault.kind == "half":
        return Response(json.dumps(body)[: len(json.dumps(body)) // 2], media_type="application/json")
    if fault and fault.kind == "strange":
        return JSONResponse({"status": "busy"})
    if fault and fault.kind == "trickle":
        return Trickle(body, status, headers, seconds=fault.seconds)
    return JSONResponse(body, status, headers=headers)


def bent(fault: Fault, body: Obj) -> Obj:
    """Return a wrong answer: a stale list, a shifted page, a different account."""
    if fault.kind == "stale" and body.get("object") == "list":
        fault.kept = fault.kept if fault.kept is not None else body
        return dict(fault.kept)
    if fault.kind == "shift" and body.get("object") == "list" and body["data"]:
        return body | {"data": body["data"][:-1], "has_more": True}
    if fault.kind == "account" and body.get("object") == "account":
        return body | {"id": "acct_1ANOTHER00000001"}
    return body


def broken(fault: Fault) -> StripeRefusal:
    """Return Stripe's answer to a fault."""
    if fault.kind == "lock":
        return lock_timeout()
    limited = {"Stripe-Rate-Limited-Reason": fault.reason or "endpoint-rate"} if fault.status == 429 else {}
    retried = {"Stripe-Should-Retry": "false"} if fault.status != 429 else {}
    return StripeRefusal(
        "An error that this world was told to make.",
        status=fault.status,
        type="api_error" if fault.status >= 500 else "invalid_request_error",
        code=CODES.get(fault.status),
        headers=retried | limited,
    )

"""Requests of ``probe``, for which a refusal is an answer: Stripe's error is returned unchanged, not as a StripeSyncError."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
import stripe

from stripe_sync.clients.stripe.answers import template
from stripe_sync.clients.stripe.client import StripeApi
from stripe_sync.clients.stripe.http import body_of

Obj = dict[str, Any]
ATTEMPTS, WAIT_SECONDS = 4, 1.0


@dataclass
class Refused(Exception):
    """An error answer of Stripe, or no answer (``status`` 0)."""

    status: int
    type: str
    code: str
    param: str
    message: str
    request_id: str
    replayed: bool = False  # the answer to an earlier request under the same idempotency key

    def __str__(self) -> str:
        details = ", ".join(text for text in (self.code or self.type, self.param) if text)
        return f"{self.status or 'no answer'} ({details}) {self.request_id}".strip()

    def is_about(self, *, param: str = "", code: str = "", text: str = "") -> bool:
        """Return whether this is a status 400 with this parameter, this code, or this text in its message."""
        has_param = bool(param) and (self.param == param or self.param.startswith(f"{param}["))
        has_text = bool(text) and text in self.message
        return self.status == 400 and (has_param or has_text or (bool(code) and self.code == code))


@dataclass
class RawRequests:
    """Sends requests to one account, within its budget, and records their ids."""

    api: StripeApi
    request_ids: list[str] = field(default_factory=list)
    wait_seconds: float = WAIT_SECONDS

    def call(self, verb: str, path: str, /, **params: Any) -> Obj:
        """Send a request and return the answer. Raises Refused; a rate limit (429) is retried four times."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self.once(verb, path, params)
            except Refused as refused:
                if refused.status != 429 or attempt == ATTEMPTS:
                    raise
            time.sleep(self.wait_seconds * attempt)
        raise AssertionError("the last attempt returns or raises")

    def once(self, verb: str, path: str, params: Obj) -> Obj:
        """Send one request."""
        endpoint = f"{verb} {template(path)}"
        self.api.budget.wait(endpoint)
        self.api.tally.count_request(endpoint, waited=0.0)
        try:
            response = self.api.client.raw_request(verb, path, **params)
            found: Obj = msgspec.json.decode(body_of(response))
        except stripe.StripeError as error:
            raise refused_by(error) from None
        except (msgspec.DecodeError, AttributeError) as error:
            raise Refused(0, "unreadable", "", "", str(error), "") from None
        id = response.headers.get("request-id") or response.headers.get("Request-Id")
        if id:
            self.request_ids.append(str(id))
        return found

    def rows(self, path: str, /, **params: Any) -> Iterator[Obj]:
        """Yield the rows of all pages of a list."""
        after: dict[str, str] = {}
        while True:
            page = self.call("get", path, **(params | {"limit": 100} | after))
            yield from page["data"]
            if not page["has_more"] or not page["data"]:
                return
            after = {"starting_after": page["data"][-1]["id"]}


def refused_by(error: stripe.StripeError) -> Refused:
    """Return Stripe's error from an error of the SDK."""
    body: Any = (error.json_body or {}).get("error") if isinstance(error.json_body, dict) else None
    details = body if isinstance(body, dict) else {}
    return Refused(
        error.http_status or 0,
        str(details.get("type") or type(error).__name__),
        str(details.get("code") or ""),
        str(details.get("param") or ""),
        str(details.get("message") or ""),
        str(error.request_id or ""),
        replayed=(error.headers or {}).get("idempotent-replayed") == "true",
    )

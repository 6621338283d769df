"""The SDK's HTTP client without its decoding of reads.

The SDK decodes each answer into ordered dictionaries and serializes it again for its log, which is more than half of the
CPU time of a page of 100 subscriptions. Reads are decoded once, in ``answers``, with exact decimals.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import stripe

from stripe_sync.clients.stripe import sockets
from stripe_sync.core import deadlines
from stripe_sync.core.clock import SystemClock


class RawHeaders(dict[str, str]):
    """The headers of an answer, by name in lower case, and its body as bytes."""

    def __init__(self, headers: Mapping[str, str], body: bytes) -> None:
        super().__init__({name.lower(): value for name, value in headers.items()})
        self.body = body


class Http(stripe.RequestsClient):
    """Returns a successful GET with an empty body and ``RawHeaders``, which carry the bytes; other answers as the SDK does.

    Each request has a deadline for its complete answer. ``ahead`` is the time by which this machine's clock is ahead of the
    ``Date`` of the newest answer, None before the first one.
    """

    ahead: timedelta | None = None

    def request(  # type: ignore[override]  # the signature of RequestsClient, which differs from HTTPClient's
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        if getattr(self._thread_local, "session", None) is None:
            self._thread_local.session = sockets.session()
        with deadlines.within(deadlines.SECONDS):
            body, status, answered = super().request(method, url, headers, post_data)
        if (date := answered.get("Date")) is not None:
            self.ahead = SystemClock().now() - parsedate_to_datetime(date)
        if method == "get" and status == 200:
            return b"null", status, RawHeaders(answered, body)
        return body, status, answered


def body_of(response: Any) -> bytes:
    """Return the body of an answer of ``Http``."""
    headers = response.headers
    return headers.body if isinstance(headers, RawHeaders) else response.body.encode()

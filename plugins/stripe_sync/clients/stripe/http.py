"""The SDK's HTTP client, but that what is read is handed on as it came.

The SDK decodes each answer into ordered dictionaries and, for its log, writes it out once more: of what a page of 100
subscriptions costs this process that is more than half, and we decode it ourselves, with exact decimals.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import stripe

from stripe_sync.clients.stripe import sockets
from stripe_sync.core import deadlines


class Unread(dict[str, str]):
    """The headers of an answer, by their names in small letters, and its body."""

    def __init__(self, headers: Mapping[str, str], body: bytes) -> None:
        super().__init__({name.lower(): value for name, value in headers.items()})
        self.body = body


class Http(stripe.RequestsClient):
    """Answers a successful GET with nothing, and ``Unread`` headers; everything else as the SDK does.

    Each request has a deadline for all of its answer.
    """

    def request(  # type: ignore[override]  # RequestsClient's own form, which HTTPClient's is not
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        if getattr(self._thread_local, "session", None) is None:
            self._thread_local.session = sockets.session()
        with deadlines.within(deadlines.SECONDS):
            body, status, answered = super().request(method, url, headers, post_data)
        if method == "get" and status == 200:
            return b"null", status, Unread(answered, body)
        return body, status, answered


def body_of(response: Any) -> bytes:
    """The body of an answer to a GET that ``Http`` made."""
    headers = response.headers
    return headers.body if isinstance(headers, Unread) else response.body.encode()

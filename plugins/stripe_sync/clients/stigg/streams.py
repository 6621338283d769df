"""Connections of httpx whose reads, of headers too, end at the deadline of the request."""

from __future__ import annotations

import ssl
from functools import cache
from typing import Any

import httpcore
import httpx

from stripe_sync.core import deadlines


class TimedStream(httpcore.NetworkStream):
    """A connection that limits each read to the time left for the request."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self.stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        try:
            return self.stream.read(max_bytes, deadlines.left(timeout))
        except TimeoutError as late:
            raise httpcore.ReadTimeout(str(late)) from None

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.stream.write(buffer, timeout)

    def close(self) -> None:
        self.stream.close()

    def start_tls(self, *given: Any, **named: Any) -> TimedStream:
        return TimedStream(self.stream.start_tls(*given, **named))

    def get_extra_info(self, info: str) -> Any:
        return self.stream.get_extra_info(info)


class TimedBackend(httpcore.SyncBackend):
    """Opens timed connections."""

    def connect_tcp(self, *given: Any, **named: Any) -> httpcore.NetworkStream:
        return TimedStream(super().connect_tcp(*given, **named))


def timed(client: httpx.Client) -> httpx.Client:
    """Give a client timed connections, through the environment's proxies too, and return it.

    httpx has no parameter for this, so the network backend of each transport's pool is replaced.
    """
    for transport in (client._transport, *client._mounts.values()):
        if isinstance(transport, httpx.HTTPTransport):
            transport._pool._network_backend = TimedBackend()
    return client


@cache
def trusted_certificates() -> ssl.SSLContext:
    """Return the trusted certificates; they are loaded once per process, which takes longer than a request."""
    return httpx.create_ssl_context()

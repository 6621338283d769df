"""Connections of httpx whose reads, of headers as well, keep to the deadline of the request."""

from __future__ import annotations

from typing import Any

import httpcore
import httpx

from stripe_sync.core import deadlines


class TimedStream(httpcore.NetworkStream):
    """A connection: each read may take what is left of the request's time."""

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
    """Opens such connections."""

    def connect_tcp(self, *given: Any, **named: Any) -> httpcore.NetworkStream:
        return TimedStream(super().connect_tcp(*given, **named))


def timed(client: httpx.Client) -> httpx.Client:
    """Return the client with such connections, those through proxies of the environment too.

    httpx has no parameter for it, so the network of each transport's pool is replaced.
    """
    for transport in (client._transport, *client._mounts.values()):
        if isinstance(transport, httpx.HTTPTransport):
            transport._pool._network_backend = TimedBackend()
    return client

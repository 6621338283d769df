"""Connections of ``requests`` whose reads, of headers too, end at the deadline of the request."""

from __future__ import annotations

import http.client
import io
import socket
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from stripe_sync.core import deadlines


class TimedReader(io.RawIOBase):
    """A socket's reader that sets the time-out of each read to the time left for the request."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.file = sock.makefile("rb", buffering=0)
        self.timeout = sock.gettimeout()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self.sock.settimeout(deadlines.left(self.timeout))
        return self.file.readinto(buffer)

    def close(self) -> None:
        if not self.closed:
            self.file.close()
        super().close()


class TimedSocket:
    """The part of a socket that ``http.client`` uses to read an answer."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(TimedReader(self.sock))


class TimedResponse(http.client.HTTPResponse):
    """A response that is read through ``TimedSocket``."""

    def __init__(self, sock: Any, *given: Any, **named: Any) -> None:
        super().__init__(TimedSocket(sock), *given, **named)  # type: ignore[arg-type]


class TimedConnection(HTTPConnection):
    response_class = TimedResponse


class TimedSecureConnection(HTTPSConnection):
    response_class = TimedResponse


class TimedPool(HTTPConnectionPool):
    ConnectionCls = TimedConnection


class TimedSecurePool(HTTPSConnectionPool):
    ConnectionCls = TimedSecureConnection


class TimedAdapter(HTTPAdapter):
    """Opens timed connections, through proxies too."""

    def init_poolmanager(self, *given: Any, **named: Any) -> None:
        super().init_poolmanager(*given, **named)
        self.poolmanager.pool_classes_by_scheme = POOLS

    def proxy_manager_for(self, *given: Any, **named: Any) -> Any:
        manager = super().proxy_manager_for(*given, **named)
        manager.pool_classes_by_scheme = POOLS
        return manager


POOLS = {"http": TimedPool, "https": TimedSecurePool}


def session() -> requests.Session:
    """Return a session with timed connections."""
    timed = requests.Session()
    for scheme in ("http://", "https://"):
        timed.mount(scheme, TimedAdapter())
    return timed

"""A request has a deadline for all of its answer: bytes that trickle in end it, of headers and of the body (R19)."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from stripe_sync.clients.stigg.client import StiggApi
from stripe_sync.clients.stripe.client import StripeApi
from stripe_sync.core import deadlines
from stripe_sync.core.errors import Transient

HEADERS = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
# At a byte each 0.02 s these take 20 s or more.
TRICKLE = {"headers": b"HTTP/1.1 200 OK\r\n" + b"X-Long: a\r\n" * 100, "body": HEADERS + b" " * 1000}


@contextmanager
def trickling(answer: bytes, *, quick: int) -> Iterator[str]:
    """Serve every connection ``quick`` bytes of an answer at once and the others one by one; yield the address."""
    listening = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def serve(connection: socket.socket) -> None:
        try:
            connection.recv(65536)
            connection.sendall(answer[:quick])
            for byte in answer[quick:]:
                if over.wait(0.02):
                    break
                connection.sendall(bytes([byte]))
        except OSError:
            pass
        finally:
            connection.close()

    def accept() -> None:
        while not over.is_set():
            try:
                threading.Thread(target=serve, args=(listening.accept()[0],), daemon=True).start()
            except OSError:
                return

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        over.set()
        listening.close()


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> float:
    monkeypatch.setattr(deadlines, "SECONDS", 0.3)
    monkeypatch.setattr("stripe.HTTPClient.INITIAL_DELAY", 0.001)
    return 0.3


@pytest.mark.parametrize("part", TRICKLE)
def test_an_answer_of_stripes_that_trickles_in_is_ended(short: float, part: str) -> None:
    with trickling(TRICKLE[part], quick=17) as url, StripeApi("sk_test_1", base_url=url, attempts=1) as api:
        begun = time.monotonic()
        with pytest.raises(Transient, match="Stripe does not answer"):
            api.get("/v1/account")
        # The SDK asks three times; each time takes no longer than the deadline.
        assert time.monotonic() - begun < 3 * short + 4


@pytest.mark.parametrize("part", TRICKLE)
def test_an_answer_of_stiggs_that_trickles_in_is_ended(short: float, part: str) -> None:
    with trickling(TRICKLE[part], quick=17) as url, StiggApi("server-1", base_url=url, attempts=1) as api:
        begun = time.monotonic()
        with pytest.raises(Transient, match="Stigg does not answer"):
            api.environment()
        assert time.monotonic() - begun < short + 4


def test_what_is_left_shrinks_and_ends() -> None:
    assert deadlines.left(7.0) == 7.0
    with deadlines.within(0.2):
        assert 0 < (deadlines.left(30.0) or 0) <= 0.2
        assert 0 < (deadlines.left(None) or 0) <= 0.2
        time.sleep(0.21)
        with pytest.raises(TimeoutError):
            deadlines.left(30.0)
    assert deadlines.left(None) is None

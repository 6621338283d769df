"""Fixtures of all tests: a temporary home, no network except loopback, no process left running."""

from __future__ import annotations

import gc
import os
import socket
from typing import Any

import pytest
from hypothesis import settings

for name in list(os.environ):
    if name.startswith(("AIRFLOW_", "STRIPE_SYNC_")):
        del os.environ[name]
# A property is not wrong because the machine is busy.
settings.register_profile("stripe_sync", deadline=None)
settings.load_profile("stripe_sync")


def pytest_collection_finish() -> None:
    """Leave what was imported and collected out of every search for garbage, and search less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.fixture(autouse=True)
def loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse every connection that would leave this machine."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> Any:
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise AssertionError(f"a test reached for {address}")
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)

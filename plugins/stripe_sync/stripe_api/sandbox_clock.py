"""The clock of this project's sandbox, for runs on a world whose time stands still. Refused with live keys."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import httpx

from stripe_sync.clock import from_epoch
from stripe_sync.errors import ConfigurationError


@dataclass(frozen=True)
class SandboxClock:
    """Reads ``{"now": Unix seconds}`` from a URL."""

    url: str

    def now(self) -> datetime:
        try:
            return from_epoch(int(httpx.get(self.url, timeout=10).raise_for_status().json()["now"]))
        except (httpx.HTTPError, ValueError, KeyError):
            raise ConfigurationError(
                f"STRIPE_SYNC_CLOCK is {self.url}, which does not tell the time; start the sandbox, or unset it."
            ) from None

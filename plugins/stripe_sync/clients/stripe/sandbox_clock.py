"""The clock of the sandbox, for runs on a world whose time moves only on request. Refused with live keys."""

from __future__ import annotations

import json
import urllib.request
from dataclasses import dataclass
from datetime import datetime

from stripe_sync.core.clock import from_epoch
from stripe_sync.core.errors import ConfigurationError


@dataclass(frozen=True)
class SandboxClock:
    """Reads ``{"now": Unix seconds}`` from a URL."""

    url: str

    def now(self) -> datetime:
        """Return the time, UTC. Raises ConfigurationError where the URL does not answer with a time."""
        try:
            with urllib.request.urlopen(self.url, timeout=10) as answer:
                return from_epoch(int(json.loads(answer.read())["now"]))
        except (OSError, ValueError, KeyError):
            raise ConfigurationError(
                f"STRIPE_SYNC_CLOCK is {self.url}, which does not return a time. Start the sandbox and use its clock"
                " (http://127.0.0.1:12111/_world/clock), or unset the variable."
            ) from None

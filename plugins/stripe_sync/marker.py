"""The mark that our creates leave in Stripe's metadata, and that nobody else can make.

``stiggSyncKey`` = ``<link key> <HMAC>``: the HMAC covers the link key and the Stripe account id under the environment's
secret, so a mark copied to another account or made up by hand is not ours (BILLING 11).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field

FIELD = "stiggSyncKey"


@dataclass(frozen=True)
class Signer:
    """Makes marks with the first secret and accepts those of all of them."""

    account: str
    secrets: Sequence[str] = field(repr=False)

    def mark(self, key: str) -> str:
        """The metadata value for a link key."""
        return f"{key} {self._digest(key, self.secrets[0])}"

    def key_of(self, value: str | None) -> str | None:
        """The link key of a genuine mark, else None."""
        key, _, digest = (value or "").rpartition(" ")
        genuine = any(hmac.compare_digest(self._digest(key, secret), digest) for secret in self.secrets)
        return key if key and genuine else None

    def fingerprint(self) -> str:
        """What is another for another account or other secrets, and does not tell them."""
        return " ".join(self._digest("", secret) for secret in self.secrets)

    def _digest(self, key: str, secret: str) -> str:
        return hmac.new(secret.encode(), f"{self.account}\n{key}".encode(), hashlib.sha256).hexdigest()[:32]

"""The mark that our creates leave in Stripe's metadata, and that nobody else can make.

``stiggSyncKey`` = ``<link key> <HMAC>``: the HMAC covers the link key and the Stripe account id under the environment's
secret, so a mark copied to another account or made up by hand is not ours (BILLING 11). In the value, escaped bytes of
characters outside ASCII are written as these characters, so that a long id fits into Stripe's 500 characters (SB 9.3).
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

FIELD = "stiggSyncKey"
ESCAPED = re.compile(r"(?:~[89A-F][0-9A-F])+")
OUTSIDE = re.compile(r"[^\x00-\x7F]")


def shortened(key: str) -> str:
    """Return the key with its escaped bytes of 80 to FF as the characters that they encode."""
    return ESCAPED.sub(lambda found: _characters(found.group()), key)


def _characters(escaped: str) -> str:
    """Return the characters of a run of escaped bytes, or the run where a cut key ends inside a character."""
    try:
        return bytes.fromhex(escaped.replace("~", "")).decode()
    except UnicodeDecodeError:
        return escaped


def lengthened(shown: str) -> str:
    """Return the key that ``shortened`` was given."""
    return OUTSIDE.sub(lambda found: "".join(f"~{byte:02X}" for byte in found.group().encode()), shown)


@dataclass(frozen=True)
class Signer:
    """Makes marks with the first secret and accepts those of all of them."""

    account: str
    secrets: Sequence[str] = field(repr=False)

    def mark(self, key: str) -> str:
        """The metadata value for a link key."""
        return f"{shortened(key)} {self._digest(key, self.secrets[0])}"

    def key_of(self, value: str | None) -> str | None:
        """The link key of a genuine mark, else None."""
        shown, _, digest = (value or "").rpartition(" ")
        key = lengthened(shown)
        genuine = any(hmac.compare_digest(self._digest(key, secret), digest) for secret in self.secrets)
        return key if key and genuine else None

    def own_lines(self, lines: Iterable[Mapping[str, Any]]) -> set[str]:
        """Return the ids of the lines of invoices that our invoice items made.

        A line of a subscription shows its subscription's metadata, the mark included (types, ``InvoiceLineItem.metadata``).
        """
        made = (line for line in lines if line["parent"]["type"] == "invoice_item_details")
        return {str(line["id"]) for line in made if self.key_of((line.get("metadata") or {}).get(FIELD)) is not None}

    def fingerprint(self) -> str:
        """What is another for another account or other secrets, and does not tell them."""
        return " ".join(self._digest("", secret) for secret in self.secrets)

    def _digest(self, key: str, secret: str) -> str:
        return hmac.new(secret.encode(), f"{self.account}\n{key}".encode(), hashlib.sha256).hexdigest()[:32]

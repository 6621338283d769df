"""Ownership markers: signed metadata of the objects that the pipeline created in Stripe.

``stiggSyncKey`` = ``<link key> <HMAC>``. The HMAC covers the link key and the Stripe account id under the environment's
secret, so a marker that was copied to another account or written manually does not verify (BILLING 11). In the value,
escaped bytes of non-ASCII characters are written as characters, so that a long id fits into Stripe's 500 characters (SB 9.3).
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

FIELD = "stiggSyncKey"
USAGE_LINE = "usageline"  # begins the link keys of usage items
ESCAPED = re.compile(r"(?:~[89A-F][0-9A-F])+")
OUTSIDE = re.compile(r"[^\x00-\x7F]")


def shorten(key: str) -> str:
    """Return a key with its escaped bytes 80 to FF as the characters that they encode."""
    return ESCAPED.sub(lambda found: _characters(found.group()), key)


def _characters(escaped: str) -> str:
    """Return the characters of a run of escaped bytes, or the run itself if a truncated key ends inside a character."""
    try:
        return bytes.fromhex(escaped.replace("~", "")).decode()
    except UnicodeDecodeError:
        return escaped


def restore(shown: str) -> str:
    """Return the key of a text from ``shorten``."""
    return OUTSIDE.sub(lambda found: "".join(f"~{byte:02X}" for byte in found.group().encode()), shown)


class Origin(Protocol):
    """The origin of an invoice line."""

    @property
    def type(self) -> str: ...


class Line(Protocol):
    """A line of an invoice, as its marker is read."""

    @property
    def id(self) -> str: ...
    @property
    def origin(self) -> Origin: ...
    @property
    def metadata(self) -> Mapping[str, str] | None: ...


@dataclass(frozen=True)
class Signer:
    """Creates ownership markers with the first secret and verifies them with all of them."""

    account: str
    secrets: Sequence[str] = field(repr=False)

    def marker(self, key: str) -> str:
        """Return the metadata value of a link key."""
        return f"{shorten(key)} {self._digest(key, self.secrets[0])}"

    def key_of(self, value: str | None) -> str | None:
        """Return the link key of a marker that verifies, else None."""
        shown, _, digest = (value or "").rpartition(" ")
        key = restore(shown)
        is_genuine = any(hmac.compare_digest(self._digest(key, secret), digest) for secret in self.secrets)
        return key if key and is_genuine else None

    def own_lines(self, lines: Iterable[Line]) -> set[str]:
        """Return the ids of the invoice lines that come from our usage items, which a final usage invoice bills as well.

        Our one-off charges are none of them. A line of a subscription has its subscription's metadata, marker included (types, ``InvoiceLineItem.metadata``).
        """
        item_lines = (line for line in lines if line.origin.type == "invoice_item_details")
        keys = {line.id: self.key_of((line.metadata or {}).get(FIELD)) for line in item_lines}
        return {id for id, key in keys.items() if key is not None and key.startswith(f"{USAGE_LINE}:")}

    def fingerprint(self) -> str:
        """Return a one-way fingerprint of the account and the secrets.

        It changes when either changes; stored with each comparison to force a full one after a change.
        """
        return " ".join(self._digest("", secret) for secret in self.secrets)

    def _digest(self, key: str, secret: str) -> str:
        return hmac.new(secret.encode(), f"{self.account}\n{key}".encode(), hashlib.sha256).hexdigest()[:32]

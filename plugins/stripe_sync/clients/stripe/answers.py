"""Answers of Stripe: decoding, and the objects that reads and writes return."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

import msgspec

from stripe_sync.core.decoding import from_stripe
from stripe_sync.core.errors import Transient
from stripe_sync.domain.model.stripe_invoices import StripeInvoice

_decoder = msgspec.json.Decoder(float_hook=Decimal)
# An id has a digit or a capital letter after its prefix; names such as subscription_items have none.
_ids = re.compile(r"(?<=/)(?:[a-z]+_(?=[a-z]*[A-Z0-9])[A-Za-z0-9]{6,}|[^/]*:[^/]*)")


@dataclass(frozen=True)
class Found:
    """An object that was read from one of the two APIs."""

    object: dict[str, Any]


@dataclass(frozen=True)
class FoundInvoice(Found):
    """An invoice that was read from Stripe; ``stripe`` has the fields of it that are read."""

    @cached_property
    def stripe(self) -> StripeInvoice:
        """Return the answer as a type. Raises EntityError ``UNKNOWN_SHAPE``."""
        return from_stripe(self.object, StripeInvoice)


@dataclass(frozen=True)
class Written(Found):
    """The answer of a write, with its request id.

    ``replayed``: Stripe repeated the stored answer of the idempotency key, so ``object`` has its first state (SB 7.4).
    ``note`` goes into the journal.
    """

    request_id: str | None
    replayed: bool = False
    note: str = ""


def decode(body: bytes | str) -> Any:
    """Decode JSON, with numbers that have a fraction as Decimal. Raises msgspec.DecodeError."""
    return _decoder.decode(body)


def decoded(body: bytes, path: str) -> dict[str, Any]:
    """Return the object of an answer. Raises Transient where the answer is not from Stripe, such as a proxy's page."""
    try:
        found: Any = decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        found = None
    return checked(found, path, f"get {template(path)}")


def checked(found: Any, path: str, endpoint: str) -> dict[str, Any]:
    """Return an answer that is a Stripe object. Raises Transient for any other JSON."""
    if not isinstance(found, dict):
        raise Transient(f"Stripe's answer is not a JSON object: {endpoint}. Check whether a proxy answers.")
    if not ("object" in found or ("data" in found and path.startswith("/v2/"))):
        raise Transient(f"The answer is not a Stripe object: {endpoint}. Check whether a proxy answers.")
    return found


def template(path: str) -> str:
    """Return a path without its ids: the name of an endpoint, safe in messages."""
    return _ids.sub("{id}", path)

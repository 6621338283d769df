"""The type of request parameters and their one encoder, with the parts that several requests share."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

import msgspec
from msgspec import UNSET, UnsetType

CLEARED: Final = ""  # removes a value in Stripe


class Parameters(msgspec.Struct, frozen=True, kw_only=True):
    """Parameters of one request. A field that is ``UNSET`` is not sent; an empty text removes the value in Stripe."""


class MetadataChange(Parameters, frozen=True, kw_only=True):
    """New metadata of an object; an empty text removes a name, and other names stay."""

    metadata: dict[str, str]


class AutomaticTaxParams(Parameters, frozen=True, kw_only=True):
    enabled: bool


class DiscountParams(Parameters, frozen=True, kw_only=True):
    """A discount by its coupon, or a current one by its own id."""

    coupon: str | UnsetType = UNSET
    discount: str | UnsetType = UNSET


class Period(Parameters, frozen=True, kw_only=True):
    """A half-open period; Unix seconds."""

    start: int
    end: int


def encode(parameters: Parameters) -> dict[str, Any]:
    """Return the parameters as the SDK takes them; Decimals stay Decimals."""
    encoded: dict[str, Any] = msgspec.to_builtins(parameters, builtin_types=(Decimal,))
    return encoded

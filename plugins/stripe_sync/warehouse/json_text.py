"""JSON text of the warehouse: decimals stay exact, and NUL, which PostgreSQL cannot hold, is replaced."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

_encoder = msgspec.json.Encoder(decimal_format="number")
_decoder = msgspec.json.Decoder(float_hook=Decimal)


def dumps(value: Any) -> str:
    """Return JSON text with decimals as plain numbers; NUL, which PostgreSQL cannot hold, is replaced by U+FFFD."""
    encoded = _encoder.encode(value)
    if b"\\u0000" in encoded:
        encoded = _encoder.encode(without_nul(_decoder.decode(encoded)))
    return encoded.decode()


def has_nul(value: Any) -> bool:
    """Return whether a text in a JSON value has a NUL."""
    return b"\\u0000" in _encoder.encode(value) and without_nul(value) != value


def without_nul(value: Any) -> Any:
    """Return the value with U+FFFD in the place of every NUL in its texts."""
    if isinstance(value, str):
        return value.replace("\x00", "\ufffd")
    if isinstance(value, dict):
        return {without_nul(key): without_nul(inner) for key, inner in value.items()}
    return [without_nul(inner) for inner in value] if isinstance(value, list) else value


def loads(data: str | bytes) -> Any:
    """Return the value of a JSON text, fractional numbers as decimals."""
    return _decoder.decode(data)

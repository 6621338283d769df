"""The causes for which a draft waits (domain/usage/holds)."""

from __future__ import annotations

from typing import Literal

Cause = Literal["usage", "short", "tax", "unowed"]

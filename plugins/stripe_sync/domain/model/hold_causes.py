"""The causes for which a draft waits (usage/holds.py)."""

from __future__ import annotations

from typing import Literal

Cause = Literal["usage", "short", "tax", "unowed"]

"""How long Stripe lets the draft of a renewal wait, as the drafts that nobody moved show it (BILLING 9). Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from stripe_sync.usage.drafts import is_renewal

LEAST = 3600  # seconds that usage needs


def grace_of(body: Mapping[str, Any]) -> int | None:
    """The seconds between the making of a renewal's draft and its finalization; None for what shows none."""
    moment = body.get("automatically_finalizes_at")
    if body["status"] != "draft" or not is_renewal(body) or moment is None:
        return None
    return int(moment) - int(body["created"])


def graces(bodies: Iterable[Mapping[str, Any]], moved: Collection[str]) -> dict[str, int]:
    """The seconds of grace by invoice, of the drafts that were not ``moved``: a held draft proves nothing."""
    found = {body["id"]: grace_of(body) for body in bodies if body["id"] not in moved}
    return {id: seconds for id, seconds in found.items() if seconds is not None}


def is_short(seconds: int) -> bool:
    """Whether usage cannot be counted on a draft that waits no longer."""
    return seconds < LEAST


def sentence(short: Mapping[str, int]) -> str:
    """The exception of drafts that wait less than an hour, seconds by invoice, with the way out."""
    shown = ", ".join(f"{id} ({seconds // 60} minutes)" for id, seconds in sorted(short.items()))
    return (
        f"Stripe finalizes {shown} earlier than an hour after it was made, and usage needs an hour: set the finalization "
        f"grace period to at least 1 hour in Stripe, Settings, Billing, Invoices."
    )

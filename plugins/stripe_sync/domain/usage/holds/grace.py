"""Grace period of renewal drafts in Stripe, as drafts with an unchanged finalization time show it (BILLING 9). Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from stripe_sync.domain.actual.renewals import CYCLE, is_renewal

LEAST = 3600  # seconds that usage needs, and what is decided of a renewal


def grace_of(body: Mapping[str, Any]) -> int | None:
    """The seconds between the making of a renewal's draft and its finalization; None for what shows none."""
    return waits(body) if is_renewal(body) else None


def waits(body: Mapping[str, Any]) -> int | None:
    """Return the seconds between the making of any draft and its finalization; None where it has no such moment."""
    moment = body.get("automatically_finalizes_at")
    return int(moment) - int(body["created"]) if body["status"] == "draft" and moment is not None else None


def may_be_short(body: Mapping[str, Any]) -> bool:
    """Return whether an invoice may be the draft of a renewal that waits less than an hour, as its first lines show it."""
    seconds = waits(body)
    return body.get("billing_reason") == CYCLE and seconds is not None and is_short(seconds)


def changed_drafts(events: Iterable[Mapping[str, Any]]) -> set[str]:
    """Return the ids of the invoices whose time of finalization was changed, as events of ``invoice.updated`` show it."""
    data = [event["data"] for event in events]
    return {d["object"]["id"] for d in data if "automatically_finalizes_at" in (d.get("previous_attributes") or {})}


def graces(bodies: Iterable[Mapping[str, Any]], moved: Collection[str]) -> dict[str, int]:
    """The seconds of grace by invoice, of the drafts that were not ``moved``: a held draft proves nothing."""
    found = {body["id"]: grace_of(body) for body in bodies if body["id"] not in moved}
    return {id: seconds for id, seconds in found.items() if seconds is not None}


def is_short(seconds: int) -> bool:
    """Return whether a grace period is too short to bill usage on the draft."""
    return seconds < LEAST


def sentence(short: Mapping[str, int]) -> str:
    """The exception of drafts that wait less than an hour, seconds by invoice, with the way out."""
    shown = ", ".join(f"{id} ({seconds // 60} minutes)" for id, seconds in sorted(short.items()))
    return (
        f"Stripe finalizes {shown} earlier than an hour after it was made, and use and what has changed need an hour: set "
        f"the finalization grace period to at least 1 hour in Stripe, Settings, Billing, Invoices."
    )


def alerts_on_run(short: Mapping[str, int], stale: str) -> list[str]:
    """Return the sentences on short drafts (seconds by invoice) and on mirrors that are old (empty: they are fresh)."""
    return [*([sentence(short)] if short else []), *([stale] if stale else [])]

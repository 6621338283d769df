"""Looks for the project's invoices that nothing will finalize or collect; each is listed with its amount, and pages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from stripe_sync.core import keys
from stripe_sync.core.ownership import FIELD
from stripe_sync.core.reasons import ReasonCode
from stripe_sync.domain.plan.owed import INVOICE
from stripe_sync.domain.usage import drafts
from stripe_sync.domain.usage.holds.draft_hold import DraftHold
from stripe_sync.domain.usage.holds.stuck import Stuck, owed, why_stuck
from stripe_sync.jobs.runtime.context import Run, Session
from stripe_sync.jobs.runtime.step import Result
from stripe_sync.jobs.usage.drafts.untaxed import hold_untaxed
from stripe_sync.warehouse import runs
from stripe_sync.warehouse.comparisons import links, statuses
from stripe_sync.warehouse.usage import draft_holds, usage_invoices
from stripe_sync.warehouse.writes import owed as kept

LISTS = ({"status": "draft"}, {"status": "open", "collection_method": "charge_automatically"})
UNOWED = (
    "it sold time after the end: finalize it with auto_advance off and void it, or credit it, but never switch it on"
)
EVERY = timedelta(minutes=20)  # a draft that cannot be taxed is seen within the hour that it waits


def find_stuck(session: Session, run: Run, due: Result) -> Result:
    """Return ``stuck``, the rows found, ``stuck_at``, the moment of reading in ISO 8601, and ``stuck_pages``, sentences.

    Stripe is asked every 20 minutes, in a run that found something due, and until nothing is stuck any more; else the last
    answer stands. Drafts that cannot be taxed are held, also without ``tax``: what was
    adopted may be taxed by Stripe.
    """
    name = session.environment.name
    with session.engine.connect() as connection:
        last = runs.newest_result(connection, name, "usage_settle") or {}
        is_linked = bool(links.of_kind(connection, name, "subscription"))
    at = last.get("stuck_at")
    is_recent = at is not None and run.now - datetime.fromisoformat(at) < EVERY
    if not is_linked or (is_recent and not due.get("due") and not last.get("stuck")):
        return {"stuck": [], "stuck_at": at, "stuck_pages": []}
    bodies = list(of_links(session))
    found = hold_untaxed(session, run, bodies, due)
    settled = {row.invoice for row in found}
    found += stuck(session, run, (body for body in bodies if body["id"] not in settled))
    rows = [asdict(row) for row in found]
    return {"stuck": rows, "stuck_at": run.now.isoformat(), "stuck_pages": [row.sentence() for row in found]}


def of_links(session: Session) -> Iterator[dict[str, Any]]:
    """Yield the drafts and automatically collected open invoices of linked subscriptions, and our own."""
    api = session.stripe.in_lane("usage")
    bodies = [row for given in LISTS for page in api.pages("/v1/invoices", **given) for row in page]
    of = {body["id"]: owner_of(session, body) for body in bodies}
    with session.engine.connect() as connection:
        linked = set(links.of_ids(connection, session.environment.name, set(filter(None, of.values()))).values())
    for body in bodies:
        if of[body["id"]] is not None and (of[body["id"]] in linked or is_marked(session, body)):
            yield body


def stuck(session: Session, run: Run, bodies: Iterable[dict[str, Any]]) -> Iterator[Stuck]:
    """Yield the invoices that stay as they are."""
    with session.engine.connect() as connection:
        holds = draft_holds.holds(connection, session.environment.name)
        sold_after_end = statuses.details(connection, session.environment.name, ReasonCode.RENEWED_AFTER_END)
        sold_after_end += " ".join(
            i.invoice for i in usage_invoices.unowed_drafts(connection, session.environment.name)
        )
        sold = kept.sold_after(connection, session.environment.name)
    for body in bodies:
        subscription = owner_of(session, body)
        hold = holds.get(body["id"])
        if subscription is None or is_told_by_usage(hold):
            continue
        if body["id"] in sold_after_end or sold.get(body["id"]):
            continue  # it is stopped on purpose: its row has both sums and the way out
        is_own = FIELD in body["metadata"]
        why = why_stuck(body, now=run.now, is_own=is_own)
        if why is not None:
            way = UNOWED if body["id"] in sold else ""
            yield Stuck(body["id"], subscription, body["status"], body["currency"], owed(body), why, way)


def owner_of(session: Session, body: dict[str, Any]) -> str | None:
    """Return the Stripe subscription of an invoice; of our invoice of pending charges, Stigg's id of it."""
    key = session.signer.key_of(body["metadata"].get(FIELD)) or ""
    if key.startswith(f"{INVOICE}:"):
        return keys.entity_of(key)[1]
    return drafts.subscription_of(body, session.signer)


def is_told_by_usage(hold: DraftHold | None) -> bool:
    """Return whether a draft that we stopped waits for its usage, which has a sentence of its own."""
    return hold is not None and hold.is_own_stop() and "usage" in hold.causes


def is_marked(session: Session, body: dict[str, Any]) -> bool:
    """Return whether an invoice, or the subscription that made it, carries a genuine mark of ours."""
    details = (body.get("parent") or {}).get("subscription_details") or {}
    marks = ((part or {}).get(FIELD) for part in (body["metadata"], details.get("metadata")))
    return any(session.signer.key_of(mark) is not None for mark in marks)

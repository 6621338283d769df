"""Looks for the project's invoices that nothing will finalize or collect; each is listed with its amount, and pages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from stripe_sync.marker import FIELD
from stripe_sync.model.status import Reason
from stripe_sync.pipeline.session import Run, Session
from stripe_sync.pipeline.usage_timing import is_own_stop
from stripe_sync.usage import drafts
from stripe_sync.usage.stuck import Stuck, owed, why_stuck
from stripe_sync.warehouse import links, runs, statuses, usage

LISTS = ({"status": "draft"}, {"status": "open", "collection_method": "charge_automatically"})
EVERY = timedelta(hours=1)


def find_stuck(session: Session, run: Run, *, busy: bool) -> dict[str, Any]:
    """Return ``stuck``, the rows found, ``stuck_at``, the moment of reading in ISO 8601, and ``stuck_pages``, sentences.

    Stripe is asked once an hour, in a run that is ``busy`` with something else, and until nothing is stuck any more;
    else the last answer stands.
    """
    name = session.environment.name
    with session.engine.connect() as connection:
        last = runs.newest_result(connection, name, "usage_settle") or {}
        is_linked = bool(links.of_kind(connection, name, "subscription"))
    at = last.get("stuck_at")
    is_recent = at is not None and run.now - datetime.fromisoformat(at) < EVERY
    if not is_linked or (is_recent and not busy and not last.get("stuck")):
        return {"stuck": [], "stuck_at": at, "stuck_pages": []}
    found = list(stuck(session, run))
    rows = [asdict(row) for row in found]
    return {"stuck": rows, "stuck_at": run.now.isoformat(), "stuck_pages": [row.sentence() for row in found]}


def stuck(session: Session, run: Run) -> Iterator[Stuck]:
    """Yield the invoices of linked subscriptions, and our own, that stay as they are."""
    bodies = [
        row
        for given in LISTS
        for page in session.stripe.in_lane("usage").pages("/v1/invoices", **given)
        for row in page
    ]
    with session.engine.connect() as connection:
        ids = {id for body in bodies if (id := drafts.subscription_of(body, session.signer)) is not None}
        linked = set(links.of_ids(connection, session.environment.name, ids).values())
        holds = usage.holds(connection, session.environment.name)
        sold_after_end = statuses.details(connection, session.environment.name, Reason.RENEWED_AFTER_END)
        sold_after_end += " ".join(i.invoice for i in usage.unowed_drafts(connection, session.environment.name))
    for body in bodies:
        subscription = drafts.subscription_of(body, session.signer)
        hold = holds.get(body["id"])
        if subscription is None or (hold is not None and is_own_stop(hold) and not hold.person):
            continue  # what we stopped has a sentence of its own
        if body["id"] in sold_after_end:
            continue  # it is stopped on purpose: its row has both sums and the way out
        is_own = FIELD in body["metadata"]
        why = why_stuck(body, now=run.now, is_own=is_own)
        if why is not None and (subscription in linked or is_marked(session, body)):
            yield Stuck(body["id"], subscription, body["status"], body["currency"], owed(body), why)


def is_marked(session: Session, body: dict[str, Any]) -> bool:
    """Return whether an invoice, or the subscription that made it, carries a genuine mark of ours."""
    details = (body.get("parent") or {}).get("subscription_details") or {}
    marks = ((part or {}).get(FIELD) for part in (body["metadata"], details.get("metadata")))
    return any(session.signer.key_of(mark) is not None for mark in marks)

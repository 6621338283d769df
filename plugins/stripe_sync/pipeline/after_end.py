"""Rows of subscriptions whose renewal sold a period after their end, until that is void or credited (BILLING 7)."""

from __future__ import annotations

from datetime import timedelta

from stripe_sync.apply.cancelling import after_end
from stripe_sync.model.status import EntityStatus, Reason, Status
from stripe_sync.pipeline.session import Run, Session
from stripe_sync.plan.actions import SUBSCRIPTIONS
from stripe_sync.warehouse import journal, links

LATELY = timedelta(days=100)


def after_end_rows(session: Session, run: Run) -> list[EntityStatus]:
    """Return the status of each such subscription that was canceled lately; Stripe is asked about its invoices alone."""
    name = session.environment.name
    with session.engine.connect() as connection:
        since = run.now - LATELY
        actions = journal.made_for(connection, name, "subscription.cancel", "renewed_after_end", since=since)
        known = links.of_keys(connection, name, {action.target for action in actions})
    rows = []
    for action in actions:
        id = known.get(action.target)
        if id is not None and action.entity is not None:
            told = " ".join(after_end(session.stripe.in_lane(SUBSCRIPTIONS), action, id, session.signer))
            status, reason = Status.PENDING, Reason.RENEWED_AFTER_END
            if not told:
                status, reason = Status.NO_SYNC_REQUIRED, Reason.ENDED
            rows.append(EntityStatus(*action.entity, status, reason, told, id))
    return rows

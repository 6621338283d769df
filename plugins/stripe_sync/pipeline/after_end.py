"""Rows of subscriptions whose renewal sold a period after their end, until that is void or credited (BILLING 7)."""

from __future__ import annotations

from datetime import timedelta

from stripe_sync.apply.cancelling import after_end
from stripe_sync.desired.endings import Collected, unowed
from stripe_sync.errors import RowFailed, Transient, UnknownShape
from stripe_sync.model.status import EntityStatus, Reason, Status
from stripe_sync.pipeline.session import Run, Session
from stripe_sync.plan.actions import SUBSCRIPTIONS, Action
from stripe_sync.warehouse import journal, links, runs

LATELY = timedelta(days=100)


def after_end_rows(session: Session, run: Run) -> tuple[list[EntityStatus], list[str]]:
    """Return the status of each such subscription that was canceled lately, and the link keys of those that are settled.

    Stripe is asked about its invoices alone, and no more once they are void or credited; a row that could not be read
    says so and names the invoices.
    """
    name = session.environment.name
    with session.engine.connect() as connection:
        since = run.now - LATELY
        actions = journal.made_for(connection, name, "subscription.cancel", "renewed_after_end", since=since)
        settled = set((runs.newest_result(connection, name, "apply") or {}).get("settled_after_end", ()))
        known = links.of_keys(connection, name, {action.target for action in actions})
    rows = []
    done = sorted(settled & {action.target for action in actions})
    for action in actions:
        id = known.get(action.target)
        if id is not None and action.entity is not None and action.target not in settled:
            told = sold_after_end(session, action, id)
            status, reason = Status.PENDING, Reason.RENEWED_AFTER_END
            if not told:
                status, reason = Status.NO_SYNC_REQUIRED, Reason.ENDED
                done.append(action.target)
            rows.append(EntityStatus(*action.entity, status, reason, told, id))
    return rows, done


def sold_after_end(session: Session, action: Action, id: str) -> str:
    """Return the sentences about the renewals of one subscription; empty where all are void or credited."""
    try:
        return " ".join(after_end(session.stripe.in_lane(SUBSCRIPTIONS), action, id, session.signer))
    except (RowFailed, Transient, UnknownShape) as unread:
        before = [Collected(**invoice) for invoice in action.noted.get("collected", ())]
        ids = ", ".join(sorted(unowed(before, id, action.after.get("ended_in_stigg"))))
        return f"The renewal after its end ({ids}) could not be read; the next run reads it: {unread}"

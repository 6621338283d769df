"""Rows of subscriptions whose renewal sold a period after their end, until that is void or credited (BILLING 7)."""

from __future__ import annotations

from collections import defaultdict

from stripe_sync.apply.cancellation.after_end import renewal_after_end
from stripe_sync.core.errors import EntityError, Transient, UnknownShape
from stripe_sync.core.lanes import Lane
from stripe_sync.core.reasons import ReasonCode
from stripe_sync.domain.model.status import EntityStatus, Status
from stripe_sync.domain.plan.actions import Action
from stripe_sync.domain.plan.owed import OwedKind
from stripe_sync.jobs.runtime.context import Run, Session
from stripe_sync.warehouse.comparisons import link_suggestions, links
from stripe_sync.warehouse.engine import connect_to_read
from stripe_sync.warehouse.writes import journal, owed
from stripe_sync.warehouse.writes.owed import EXEMPT, OwedRow

SETTLED = "void or credited"


def after_end_rows(session: Session, run: Run) -> list[EntityStatus]:
    """Close the rows of renewals that are void or credited, and return the status of each subscription that had one.

    Only their invoices are read from Stripe; a row that could not be read states this with its invoice.
    """
    name = session.environment.name
    with connect_to_read(session.engine) as connection:
        rows = [row for row in owed.open_rows(connection, name) if row.owed.kind == OwedKind.SOLD_AFTER]
        actions = journal.actions_of(connection, {row.intent for row in rows})
        keys = {id: key for key, id in links.of_ids(connection, name, {row.stripe_id for row in rows}).items()}
        exempt = link_suggestions.ignored(connection, name)
    sentences: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row in rows:
        is_exempt = keys.get(row.stripe_id) in exempt
        sentence = "" if is_exempt else sold_after_end(session, actions[row.intent], row)
        if not sentence:
            with session.engine.begin() as connection:
                owed.close(connection, name, row, by=EXEMPT if is_exempt else SETTLED, at=run.now)
        if row.stripe_id in keys:
            sentences[row.entity, row.stripe_id].append(sentence)
    return [status_of(entity, id, " ".join(filter(None, found))) for (entity, id), found in sorted(sentences.items())]


def status_of(entity: str, id: str, sentences: str) -> EntityStatus:
    """Return the status of a subscription from the sentences about its renewals after the end."""
    if sentences:
        return EntityStatus("subscription", entity, Status.PENDING, ReasonCode.RENEWED_AFTER_END, sentences, id)
    return EntityStatus("subscription", entity, Status.NO_SYNC_REQUIRED, ReasonCode.ENDED, stripe_id=id)


def sold_after_end(session: Session, action: Action, row: OwedRow) -> str:
    """Return the sentence about one renewal; empty where it is void or credited."""
    invoice = row.owed.invoice or ""
    try:
        api = session.stripe.in_lane(Lane.SUBSCRIPTIONS)
        return renewal_after_end(api, action, invoice=invoice, signer=session.signer)
    except (EntityError, Transient, UnknownShape) as unread:
        return f"The renewal after its end ({invoice}) could not be read; the next run reads it: {unread}"

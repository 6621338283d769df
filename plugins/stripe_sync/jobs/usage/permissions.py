"""Permissions of the usage job: its writes and their lease."""

from __future__ import annotations

from contextlib import AbstractContextManager

from stripe_sync.core import keys
from stripe_sync.core.lanes import Lane, Mode
from stripe_sync.domain.usage.line_proof import Owner
from stripe_sync.jobs.runtime.context import Run, Session
from stripe_sync.jobs.runtime.preflight import read_only_reason
from stripe_sync.jobs.runtime.results.usage import FoundDue
from stripe_sync.warehouse.comparisons import links
from stripe_sync.warehouse.engine import connect_to_read
from stripe_sync.warehouse.writes import leases
from stripe_sync.warehouse.writes.leases import Lease


def may_write(session: Session, run: Run, observed: str) -> bool:
    """Return whether the job may write at all; holds are allowed in every mode but observe (BILLING 9)."""
    return not observed and run.narrowed(session.environment).mode(Lane.USAGE) != Mode.OBSERVE


def observed_reason(session: Session, due: FoundDue) -> str:
    """Return why nothing may be written: as the run has found it, else as it is now; empty where something may."""
    return due.held_at_observe or read_only_reason(session)


def entity_of(session: Session, subscription: str) -> tuple[str, str]:
    """The Stigg subscription of a Stripe subscription."""
    with connect_to_read(session.engine) as connection:
        key = links.key_of(connection, session.environment.name, subscription)
    return keys.entity_of(key) if key else ("subscription", subscription)


def leased(session: Session, run: Run) -> AbstractContextManager[Lease]:
    """The right to write lines: what is written is read and decided under it, so that two runs cannot both add a line."""
    return leases.held(session.engine, session.environment.name, Lane.USAGE, holder=run.id)


def owner_of(session: Session) -> Owner:
    """Return the owner of the lines that this environment writes."""
    return Owner(session.environment.name, session.signer)

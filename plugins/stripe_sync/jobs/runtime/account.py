"""Account check: key, settings and warehouse must belong to one Stripe account before Stripe is read or written.

A key never changes its account, so a key that passed the check is not checked again by every session. A run's preflight
and its first write check it nevertheless.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from stripe_sync.core.errors import AccountRefused
from stripe_sync.warehouse import accounts
from stripe_sync.warehouse.accounts import Proven
from stripe_sync.warehouse.engine import connect_to_read

if TYPE_CHECKING:
    from stripe_sync.jobs.runtime.context import Session


def check_linked_account(session: Session) -> str:
    """Return the account of the links as a phrase. Raises AccountRefused where it differs from the declared account."""
    declared, name = session.environment.stripe_account, session.environment.name
    with connect_to_read(session.engine) as connection:
        known = accounts.bound(connection, name)
    if known is not None and known != declared:
        raise AccountRefused(
            f"{name} declares account {declared}, and the links of this warehouse belong to {known}. Restore stripe_account "
            f"and the connection, create a separate environment for the other account, or end the links: "
            f"stripe-sync disconnect {name}."
        )
    return f"belong to {known}" if known is not None else "none yet"


def check_account(session: Session) -> str:
    """Return the account and its mode as a phrase. Raises AccountRefused unless key, settings and links have one account."""
    check_linked_account(session)
    found, declared = session.client.account(), session.environment.stripe_account
    if found["id"] != declared:
        raise AccountRefused(
            f"Wrong Stripe account: the key in connection {session.environment.stripe_connection} belongs to {found['id']}, and "
            f"{session.environment.name} declares {declared}. Correct the key or stripe_account."
        )
    with session.engine.begin() as connection:
        accounts.prove(connection, session.environment.name, Proven(declared, key_digest(session)))
    return f"{found['id']}, {'live' if session.environment.live else 'test'}"


def require_account(session: Session) -> None:
    """Check the account unless this key has already passed. Raises AccountRefused or NotAuthorized."""
    check_linked_account(session)
    with connect_to_read(session.engine) as connection:
        known = accounts.find(connection, session.environment.name)
    if known != Proven(session.environment.stripe_account, key_digest(session)):
        check_account(session)


def key_digest(session: Session) -> str:
    """Return a one-way fingerprint of key and server; it changes when either changes."""
    connection = session.connection_of(session.environment.stripe_connection)
    return hashlib.sha256(f"{session.client.base_url}\n{connection.key()}".encode()).hexdigest()[:32]

"""Whether key, settings and warehouse mean one Stripe account: compared before anything of Stripe's is read or written.

A key belongs to one account for ever, so one that has proven it is not asked again by every session; a run's preflight and
its first write ask nevertheless.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from stripe_sync.core.errors import AccountRefused
from stripe_sync.warehouse import accounts
from stripe_sync.warehouse.accounts import Proven

if TYPE_CHECKING:
    from stripe_sync.jobs.runtime.context import Session


def linked_account(session: Session) -> str:
    """Return whose the links are, a sentence's end. Raises AccountRefused where that is not the declared account."""
    declared, name = session.environment.stripe_account, session.environment.name
    with session.engine.connect() as connection:
        known = accounts.bound(connection, name)
    if known is not None and known != declared:
        raise AccountRefused(
            f"{name} declares the account {declared}, and the links of this warehouse belong to {known}; set stripe_account "
            f"and the connection back, give the other account an environment of its own, or close the links with "
            f"stripe-sync disconnect {name}."
        )
    return f"belong to {known}" if known is not None else "none yet"


def account(session: Session) -> str:
    """Return the account and its mode. Raises AccountRefused unless key, settings and links are of one account."""
    linked_account(session)
    found, declared = session.client.account(), session.environment.stripe_account
    if found["id"] != declared:
        raise AccountRefused(
            f"The key of {session.environment.stripe_connection} belongs to the account {found['id']}, and the environment "
            f"{session.environment.name} declares {declared}; correct one of them."
        )
    with session.engine.begin() as connection:
        accounts.prove(connection, session.environment.name, Proven(declared, key_digest(session)))
    return f"{found['id']}, {'live' if session.environment.live else 'test'}"


def require_account(session: Session) -> None:
    """Raise AccountRefused, or NotAuthorized, unless the account is proven; Stripe is asked where this key did not prove it."""
    linked_account(session)
    with session.engine.connect() as connection:
        known = accounts.find(connection, session.environment.name)
    if known != Proven(session.environment.stripe_account, key_digest(session)):
        account(session)


def key_digest(session: Session) -> str:
    """Return what is another for another key or another server, and does not tell the key."""
    connection = session.connection_of(session.environment.stripe_connection)
    return hashlib.sha256(f"{session.client.base_url}\n{connection.key()}".encode()).hexdigest()[:32]

"""The links of an environment as writes need them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
from sqlalchemy import Connection

from stripe_sync.apply.links import Registry
from stripe_sync.core import keys
from stripe_sync.domain.plan.actions import Action
from stripe_sync.jobs.runtime.context import Session
from stripe_sync.warehouse.comparisons import links
from stripe_sync.warehouse.writes import journal


def known_to(session: Session, connection: Connection, things: Iterable[Any]) -> dict[str, str]:
    """Stripe ids by link key of what differences, actions and open intents may refer to, and not of the whole account.

    That is the catalog, whatever is named, and everything that is decided with whoever is named.
    """
    name = session.environment.name
    parts = [*things, *journal.open_actions(connection, name)]
    named = {text for part in parts for text in texts(part) if ":" in text}
    owners = {keys.owner(text) for text in named} - {""}
    return {
        **links.of_catalog(connection, name),
        **links.of_owners(connection, name, owners),
        **links.of_keys(connection, name, named),
    }


def texts(node: Any) -> Iterator[str]:
    """Every text in a document, in an action, or in what has documents."""
    if isinstance(node, str):
        yield node
    elif isinstance(node, Action):
        yield from texts(msgspec.structs.asdict(node))
    elif isinstance(node, Mapping):
        for key, value in node.items():
            yield from texts(key)
            yield from texts(value)
    elif isinstance(node, list | tuple):
        for value in node:
            yield from texts(value)


def registry_of(session: Session, connection: Connection, known: Mapping[str, str]) -> Registry:
    """The open links (``known``: Stripe ids by link key) with everything that a write of this environment depends on."""
    environment = session.environment
    return Registry(
        known,
        session.signer,
        tax=environment.stripe.tax,
        tax_code=environment.stripe.tax_code,
        tax_behavior=environment.stripe.tax_behavior,
        retired=links.retired_coupons(connection, environment.name),
        stigg=session.stigg,
        test_clock=environment.stripe.test_clock,
    )

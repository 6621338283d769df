"""Links of an environment as inputs of writes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
from sqlalchemy import Connection

from stripe_sync.apply.links import LinkIndex
from stripe_sync.core import keys
from stripe_sync.domain.plan.actions import Action
from stripe_sync.jobs.runtime.context import Session
from stripe_sync.warehouse.comparisons import links
from stripe_sync.warehouse.writes import journal


def known_to(session: Session, connection: Connection, things: Iterable[Any]) -> dict[str, str]:
    """Return Stripe ids by link key for the keys that differences, actions and open intents may refer to.

    These are the catalog, every key in ``things``, and all keys of the customers and subscriptions of these keys.
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
    """Yield every text in a document, in an action, or in a container of these."""
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


def link_index_of(session: Session, connection: Connection, known: Mapping[str, str]) -> LinkIndex:
    """Return the open links (``known``: Stripe ids by link key) with the settings and clients that a write needs."""
    environment = session.environment
    return LinkIndex(
        known,
        session.signer,
        tax=environment.stripe.tax,
        tax_code=environment.stripe.tax_code,
        tax_behavior=environment.stripe.tax_behavior,
        retired=links.retired_coupons(connection, environment.name),
        stigg=session.stigg,
        test_clock=environment.stripe.test_clock,
    )

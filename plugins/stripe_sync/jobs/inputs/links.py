"""Links of an environment as inputs of writes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

import msgspec
from sqlalchemy import Connection

from stripe_sync.apply.links import LinkIndex
from stripe_sync.core import keys
from stripe_sync.core.decoding import texts_in
from stripe_sync.domain.drift.difference import Difference
from stripe_sync.domain.plan.actions import Action
from stripe_sync.domain.usage.final_terms import RecordedCoupon
from stripe_sync.jobs.inputs.coupons import recorded_coupons
from stripe_sync.jobs.runtime.context import Session
from stripe_sync.warehouse.comparisons import links
from stripe_sync.warehouse.engine import connect_to_read
from stripe_sync.warehouse.writes import journal


def known_to(session: Session, connection: Connection, things: Iterable[Action | Difference]) -> dict[str, str]:
    """Return Stripe ids by link key for the keys that differences, actions and open intents may refer to.

    These are the catalog, every key in ``things``, and all keys of the customers and subscriptions of these keys.
    """
    name = session.environment.name
    parts = [texts_in(journal.open_actions(connection, name)), *map(texts_of, things)]
    named = {text for text in chain.from_iterable(parts) if ":" in text}
    owners = {keys.owner(text) for text in named} - {""}
    return {
        **links.of_catalog(connection, name),
        **links.of_owners(connection, name, owners),
        **links.of_keys(connection, name, named),
    }


def texts_of(thing: Action | Difference) -> Iterator[str]:
    """Yield every text of an action, or of the key and the documents of a difference."""
    if isinstance(thing, Action):
        return texts_in(msgspec.structs.asdict(thing))
    return texts_in([thing.key, *(part for side in thing.documents for part in (side.document, side.facts))])


def link_index_of(session: Session, connection: Connection, known: Mapping[str, str]) -> LinkIndex:
    """Return the open links (``known``: Stripe ids by link key) with the settings and clients that a write needs."""
    environment = session.environment

    def coupons(ids: Iterable[str]) -> dict[str, RecordedCoupon]:
        with connect_to_read(session.engine) as reading:
            return recorded_coupons(reading, environment.name, ids)

    return LinkIndex(
        known,
        session.signer,
        tax=environment.stripe.tax,
        tax_code=environment.stripe.tax_code,
        tax_behavior=environment.stripe.tax_behavior,
        retired=links.retired_coupons(connection, environment.name),
        stigg=session.stigg,
        test_clock=environment.stripe.test_clock,
        recorded_coupons=coupons,
    )

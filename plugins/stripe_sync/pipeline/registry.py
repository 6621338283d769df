"""The links of an environment as writes need them."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection

from stripe_sync.apply.registry import Registry
from stripe_sync.pipeline.session import Session
from stripe_sync.warehouse import links


def registry_of(session: Session, connection: Connection, known: Mapping[str, str]) -> Registry:
    """The open links (``known``: Stripe ids by link key) with everything that a write of this environment depends on."""
    environment = session.environment
    return Registry(
        known,
        session.signer,
        tax=environment.tax,
        tax_code=environment.tax_code,
        tax_behavior=environment.tax_behavior,
        plain_ids=environment.plain_ids,
        retired=links.retired_coupons(connection, environment.name),
        stigg=session.stigg,
    )

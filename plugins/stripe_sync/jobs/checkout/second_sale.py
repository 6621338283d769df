"""Refusal of a checkout that would sell one product twice: its subscriptions and its other pages."""

from __future__ import annotations

from stripe_sync.core.decoding import typed
from stripe_sync.core.errors import ConfigurationError
from stripe_sync.core.lanes import Lane
from stripe_sync.domain.checkout import second_sale
from stripe_sync.domain.checkout.request import CheckoutRequest
from stripe_sync.domain.model.inputs import Inputs
from stripe_sync.domain.model.stripe_status import SessionStatus
from stripe_sync.jobs.runtime.context import Session
from stripe_sync.warehouse.comparisons import links
from stripe_sync.warehouse.engine import connect_to_read
from stripe_sync.warehouse.writes import journal

SESSIONS = "/v1/checkout/sessions"


def require_first(session: Session, inputs: Inputs, request: CheckoutRequest) -> None:
    """Raise ConfigurationError where the customer has a paid subscription of the same product and resource, or a page for it."""
    if (found := second_sale.living(inputs, request)) is not None:
        raise ConfigurationError(
            f"Customer {request.customer} already has the paid subscription {found.subscription_id} of this product, and a second "
            "one would bill twice. Change that subscription in Stigg."
        )
    with connect_to_read(session.engine) as connection:
        pages = links.of_kind(connection, session.environment.name, "checkout")
        made = {key: journal.newest_created(connection, session.environment.name, key) for key in pages}
    opened = {key: typed(action["after"]["how"]["request"], CheckoutRequest) for key, action in made.items() if action}
    same = second_sale.same_sales(inputs, request, opened.values())
    for key, other in opened.items():
        if other in same and _is_open(session, pages[key]):
            raise ConfigurationError(
                f"Customer {request.customer} already has the checkout page {pages[key]} for this product, under subscription "
                f"{other.subscription}. Use that subscription id, or wait until the page is expired."
            )


def _is_open(session: Session, page: str) -> bool:
    """Return whether a page may still sell, or has sold and is not completed."""
    found = session.stripe.in_lane(Lane.CHECKOUT).find(f"{SESSIONS}/{page}")
    return found is not None and found["status"] != SessionStatus.EXPIRED

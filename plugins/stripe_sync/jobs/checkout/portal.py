"""Billing portal: actual and recommended switches, our configuration, and links for customers."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

import msgspec

from stripe_sync.core import keys, ownership
from stripe_sync.core.decoding import typed
from stripe_sync.core.errors import ConfigurationError, NotAuthorized
from stripe_sync.domain.checkout.portal_settings import RECOMMENDED, Configuration, SwitchState, compared, wrong
from stripe_sync.jobs.runtime.account import check_account
from stripe_sync.jobs.runtime.context import Run, Session
from stripe_sync.jobs.runtime.manual_actions import Operator, note
from stripe_sync.jobs.runtime.preflight import Check, CheckState
from stripe_sync.jobs.runtime.results.finance import PortalRead
from stripe_sync.jobs.runtime.step import keep_result
from stripe_sync.warehouse.comparisons import links
from stripe_sync.warehouse.engine import connect_to_read

CONFIGURATIONS = "/v1/billing_portal/configurations"


@dataclass(frozen=True)
class PortalLink:
    """A short-lived link to the billing portal for a customer, and the configuration that it shows."""

    customer: str
    url: str
    configuration: str


def configurations(session: Session) -> list[Configuration]:
    """Return the active configurations, ours first, then the default."""
    pages = session.stripe.pages(CONFIGURATIONS, active=True)
    found = [typed(row, Configuration) for page in pages for row in page]
    return sorted(found, key=lambda one: (not is_ours(session, one), not one.is_default, one.id))


def is_ours(session: Session, configuration: Configuration) -> bool:
    """Return whether a configuration has our ownership marker."""
    return session.signer.key_of((configuration.metadata or {}).get(ownership.FIELD)) == own_key(session)


def own_key(session: Session) -> str:
    """Return the link key of our configuration."""
    return keys.link_key("portal", keys.part(session.environment.name))


def switches(session: Session) -> tuple[str | None, list[SwitchState]]:
    """Return (the id of the configuration that customers get, its switches), or (None, []) without a configuration."""
    found = configurations(session)
    return (found[0].id, compared(found[0])) if found else (None, [])


def read_portal(session: Session, run: Run) -> PortalRead:
    """Store the portal's switches for the report of the run."""
    configuration: str | None
    try:
        configuration, rows = switches(session)
    except NotAuthorized as refused:
        configuration, rows = None, [SwitchState("", str(refused), "", "", "unknown")]
    return keep_result(session, run, PortalRead(configuration=configuration, rows=rows))


def check(session: Session) -> Check:
    """Check that the portal's switches are as recommended."""
    configuration, rows = switches(session)
    if configuration is None:
        return Check(
            "billing portal",
            CheckState.WARNING,
            "not configured; create a configuration: stripe-sync portal ENV --apply",
        )
    differing = wrong(rows)
    text = f"{configuration} is as recommended"
    if differing:
        text = f"{configuration} is not as recommended in {', '.join(differing)}; see stripe-sync portal"
    return Check("billing portal", CheckState.WARNING if differing else CheckState.OK, text)


def link(session: Session, customer: str, *, return_url: str = "") -> PortalLink:
    """Create a short-lived portal link for a customer, by Stigg id. Raises ConfigurationError where it is not linked."""
    check_account(session)
    name = session.environment.name
    key = keys.link_key("customer", keys.part(name), keys.part(customer))
    with connect_to_read(session.engine) as connection:
        id = links.of_keys(connection, name, [key]).get(key)
    if id is None:
        raise ConfigurationError(f"Customer {customer} is not in Stripe. See stripe-sync status {name} {customer}.")
    params: Any = {"customer": id} | ({"return_url": return_url} if return_url else {})
    own = next((one for one in configurations(session) if is_ours(session, one)), None)
    if own is not None:
        params["configuration"] = own.id
    created = session.stripe.write(
        "post /v1/billing_portal/sessions",
        lambda c, o: c.v1.billing_portal.sessions.create(params, o),
        idempotency_key=f"stripe_sync-portal-{uuid.uuid4().hex}",
    ).object
    return PortalLink(customer, created["url"], created["configuration"])


def apply(session: Session, by: Operator, configuration: str = "") -> str:
    """Set the recommended switches on our configuration, or on a given one; return the confirmation.

    Raises ConfigurationError where the given configuration is not active.
    """
    check_account(session)
    found = configurations(session)
    if configuration and not any(one.id == configuration for one in found):
        raise ConfigurationError(
            f"No active portal configuration {configuration} in this account. See stripe-sync portal."
        )
    own = configuration or next((one.id for one in found if is_ours(session, one)), "")
    params = msgspec.to_builtins(RECOMMENDED)
    if not configuration:
        params["metadata"] = {ownership.FIELD: session.signer.marker(own_key(session))}
    key = f"stripe_sync-portal-{uuid.uuid4().hex}"
    with session.engine.begin() as connection:
        note(connection, session, "portal", own or "a new configuration", by, {"set": RECOMMENDED})
    if own:
        session.stripe.write(
            f"post {CONFIGURATIONS}/{{id}}",
            lambda c, o: c.v1.billing_portal.configurations.update(own, params, o),
            idempotency_key=key,
        )
        return f"{own} has the recommended switches."
    created = session.stripe.write(
        f"post {CONFIGURATIONS}", lambda c, o: c.v1.billing_portal.configurations.create(params, o), idempotency_key=key
    ).object
    return f"{created['id']} was created with the recommended switches. Links of stripe-sync portal use it."

"""Manual actions: link, unlink, ignore, resync, pause, resume, retry. Each is recorded with its person and reason.

None of them writes to Stripe; they change what the next run may do. Functions return the confirmation for the user.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from stripe_sync.clients.stripe.endpoints import PATHS
from stripe_sync.core import keys
from stripe_sync.core.errors import ConfigurationError
from stripe_sync.core.lanes import LANES, Lane
from stripe_sync.core.ownership import FIELD
from stripe_sync.domain.checkout.portal_settings import PortalSettings
from stripe_sync.domain.model.kinds import EntityKind
from stripe_sync.jobs.runtime.account import check_account
from stripe_sync.jobs.runtime.context import Session
from stripe_sync.warehouse import manual_actions
from stripe_sync.warehouse.comparisons import link_suggestions, links, statuses
from stripe_sync.warehouse.plans import declines, failures
from stripe_sync.warehouse.writes import leases

LANE_OF = {
    "plan": Lane.CATALOG,
    "addon": Lane.CATALOG,
    "coupon": Lane.CATALOG,
    "customer": Lane.CUSTOMERS,
    "subscription": Lane.SUBSCRIPTIONS,
}
LINKED_BY_ID = ("plan", "addon", "customer", "subscription")


Detail = str | int | Sequence[str] | PortalSettings  # a value of the details of a manual action


@dataclass(frozen=True)
class Operator:
    """The person who acts, and the reason. Raises ConfigurationError without a reason."""

    person: str
    reason: str

    def __post_init__(self) -> None:
        if not self.reason.strip():
            raise ConfigurationError("Manual actions require --reason; it is stored with the action.")


def key_of(session: Session, kind: str, id: str) -> str:
    """Return the link key of an entity's object. Raises ConfigurationError for a kind that is not linked by id."""
    if kind not in LINKED_BY_ID:
        raise ConfigurationError(f"Kind {kind} is not linked by id. Kinds are {', '.join(LINKED_BY_ID)}.")
    environment = session.environment.name
    if kind in (EntityKind.PLAN, EntityKind.ADDON):
        return keys.link_key("product", keys.product_id(environment, kind, id))
    return keys.link_key(kind, keys.part(environment), keys.part(id))


def link(session: Session, kind: str, id: str, stripe_id: str, by: Operator) -> str:
    """Link a Stigg entity to an existing Stripe object. Writes nothing to Stripe; the next run compares the two.

    Raises:
        ConfigurationError: the kind is not linked by id; the last run did not see the entity; the Stripe object is
            missing, deleted, in the other mode, or has another entity's ownership marker; either side is already
            linked; or a subscription's customer is not linked.
        AccountRefused: the key belongs to another Stripe account.
    """
    key = key_of(session, kind, id)
    require_known(session, kind, id)
    check_account(session)
    found = session.stripe.find(f"{PATHS[key.partition(':')[0]]}/{stripe_id}")
    if found is None or found.get("deleted"):
        raise ConfigurationError(
            f"Stripe has no {key.partition(':')[0]} {stripe_id}. Use the id that its dashboard shows."
        )
    if found["livemode"] is not session.environment.live:
        raise ConfigurationError(
            f"{stripe_id} is not in the mode of {session.environment.name}. Use the id of an object in that mode."
        )
    marker_key = session.signer.key_of((found.get("metadata") or {}).get(FIELD))
    if marker_key not in (None, key):
        raise ConfigurationError(
            f"{stripe_id} has the ownership marker of {marker_key}. Remove its metadata {FIELD} first."
        )
    with session.engine.begin() as connection:
        require_unlinked(connection, session, key, stripe_id)
        if kind == EntityKind.SUBSCRIPTION:
            require_linked_customer(connection, session, stripe_id, str(found["customer"]))
        links.add(connection, session.environment.name, key, stripe_id, source="person")
        note(connection, session, "link", key, by, {"stripe_id": stripe_id})
    return f"{kind} {id} is linked to {stripe_id}; the next run compares the two."


def require_unlinked(connection: Connection, session: Session, key: str, stripe_id: str) -> None:
    """Raise ConfigurationError where the entity or the object is already linked."""
    name = session.environment.name
    known = links.of_keys(connection, name, [key])
    if known:
        raise ConfigurationError(f"{key} is linked to {known[key]}. Unlink it first.")
    other = links.key_of(connection, name, stripe_id)
    if other is not None:
        raise ConfigurationError(f"{stripe_id} is linked to {other}. Unlink that first.")


def require_linked_customer(connection: Connection, session: Session, subscription: str, customer: str) -> None:
    """Raise ConfigurationError unless the customer (Stripe id) of a subscription is linked."""
    if links.key_of(connection, session.environment.name, customer) is None:
        raise ConfigurationError(f"{subscription} bills {customer}, which is not linked. Link the customer first.")


def unlink(session: Session, kind: str, id: str, by: Operator) -> str:
    """End a link. The Stripe object is not changed, and its ownership marker does not restore the link.

    Raises ConfigurationError where it is not linked.
    """
    key, name = key_of(session, kind, id), session.environment.name
    lane = leases.held(session.engine, name, LANE_OF[kind], holder=f"unlink by {by.person}")
    with lane, session.engine.begin() as connection:
        was = links.end(connection, name, key, by=f"person: {by.person}")
        if was is None:
            raise ConfigurationError(f"{kind} {id} is not linked. See stripe-sync status {name} {id}.")
        note(connection, session, "unlink", key, by, {"stripe_id": was})
    return (
        f"{kind} {id} is no longer linked to {was}. The next run creates a new object if the entity belongs in Stripe."
    )


def ignore(session: Session, kind: str, id: str, by: Operator) -> str:
    """Exempt an entity: its drift is shown as accepted, and nothing is written for it."""
    require_known(session, kind, id)
    name = session.environment.name
    with session.engine.begin() as connection:
        found = entity_keys(connection, session, kind, id)
        for key in found:
            link_suggestions.ignore(connection, name, key, reason=by.reason, person=by.person)
        note(connection, session, "ignore", f"{kind}:{id}", by, {"keys": sorted(found)})
    return f"{kind} {id} is exempt. End the exemption with resync."


def end_exemption(session: Session, kind: str, id: str, by: Operator) -> str:
    """End an exemption, so that the next run plans the entity again."""
    with session.engine.begin() as connection:
        found = entity_keys(connection, session, kind, id)
        ended = [key for key in found if link_suggestions.end_exemption(connection, session.environment.name, key)]
        note(connection, session, "resync", f"{kind}:{id}", by, {"no longer exempt": sorted(ended)})
    return f"{kind} {id} is planned again" + (" and no longer exempt." if ended else ".")


def entity_keys(connection: Connection, session: Session, kind: str, id: str) -> set[str]:
    """Return the link keys of an entity's objects; for a package those of its charges and prices too."""
    if kind not in LANE_OF:
        raise ConfigurationError(f"Unknown kind: {kind}. Kinds are {', '.join(LANE_OF)}.")
    own = {key_of(session, kind, id)} if kind in LINKED_BY_ID else set()
    key = keys.link_key(kind, keys.part(session.environment.name), keys.part(id))
    found = links.about(connection, session.environment.name, key, kind, keys.part(id))
    known = {key for key in found if keys.entity_of(key) == (kind, id)}
    return own | known | {keys.slot_of(key) for key in known if "@" in key}


def pause(session: Session, lane: str, by: Operator) -> str:
    """Pause a lane, or all lanes for an empty name: no new write starts."""
    require_lane(lane)
    with session.engine.begin() as connection:
        leases.pause(connection, session.environment.name, lane, reason=by.reason, person=by.person)
        note(connection, session, "pause", lane or "all lanes", by)
    return f"{lane or 'Every lane'} of {session.environment.name} is paused. No new write starts until you resume it."


def resume(session: Session, lane: str, by: Operator) -> str:
    """Resume a paused lane, or all lanes. Raises ConfigurationError where it is not paused."""
    require_lane(lane)
    with session.engine.begin() as connection:
        if not leases.resume(connection, session.environment.name, lane):
            raise ConfigurationError(
                f"{lane or 'The environment'} is not paused. Use the lane that was paused, or no lane if all were."
            )
        note(connection, session, "resume", lane or "all lanes", by)
    return f"{lane or 'Every lane'} of {session.environment.name} is resumed; its mode and the guards apply."


def retry(session: Session, id: str, by: Operator) -> str:
    """Release an entity, or one target, whose writes were refused repeatedly; the next run retries it.

    Raises ConfigurationError where no write was refused.
    """
    with session.engine.begin() as connection:
        name = session.environment.name
        freed = len({*failures.free(connection, name, id), *declines.free(connection, name, id)})
        if not freed:
            raise ConfigurationError(
                f"No refused writes of {id} in {session.environment.name}. See stripe-sync status."
            )
        note(connection, session, "retry", id, by, {"targets": freed})
    return f"{freed} writes of {id} are retried by the next run."


def require_lane(lane: str) -> None:
    """Raise ConfigurationError for an unknown lane; an empty name is all lanes."""
    if lane and lane not in LANES:
        raise ConfigurationError(f"Unknown lane: {lane}. Lanes are {', '.join(LANES)}.")


def require_known(session: Session, kind: str, id: str) -> None:
    """Raise ConfigurationError for an entity that the last run did not see."""
    name = session.environment.name
    if not any(found.kind == kind and found.id == id for found in statuses.find(session.engine, name, id)):
        raise ConfigurationError(
            f"The last run of {name} saw no {kind} {id} in Stigg. If it is new, run stripe-sync plan {name} first."
        )


def note(
    connection: Connection,
    session: Session,
    command: str,
    subject: str,
    by: Operator,
    detail: Mapping[str, Detail] | None = None,
) -> None:
    """Record a manual action with its person, reason and details."""
    manual_actions.record(
        connection,
        session.environment.name,
        command=command,
        subject=subject,
        reason=by.reason,
        person=by.person,
        detail=detail,
    )

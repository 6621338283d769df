"""What people do by hand: link, unlink, ignore, resync, pause, resume. Each says why, and is kept with who did it.

None of these writes to Stripe by itself: they change what the next run may do.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from stripe_sync.clients.stripe.endpoints import PATHS
from stripe_sync.core import keys
from stripe_sync.core.errors import ConfigurationError
from stripe_sync.core.lanes import LANES, Lane
from stripe_sync.core.ownership import FIELD
from stripe_sync.domain.model.kinds import EntityKind
from stripe_sync.jobs.runtime.account import account
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


@dataclass(frozen=True)
class Hand:
    """Who does something, and why."""

    person: str
    reason: str

    def __post_init__(self) -> None:
        if not self.reason.strip():
            raise ConfigurationError("Say why with --reason; it is kept beside what you do.")


def key_of(session: Session, kind: str, id: str) -> str:
    """The link key of an entity's own object. Raises ConfigurationError for a kind that has none by its id."""
    if kind not in LINKED_BY_ID:
        raise ConfigurationError(f"There is no kind {kind} that is linked by id; kinds are {', '.join(LINKED_BY_ID)}.")
    environment = session.environment.name
    if kind in (EntityKind.PLAN, EntityKind.ADDON):
        return keys.link_key("product", keys.product_id(environment, kind, id))
    return keys.link_key(kind, keys.part(environment), keys.part(id))


def link(session: Session, kind: str, id: str, stripe_id: str, by: Hand) -> str:
    """Links a Stigg entity to a Stripe object that exists, is in the right account, and is nobody else's."""
    key = key_of(session, kind, id)
    require_known(session, kind, id)
    account(session)
    found = session.stripe.find(f"{PATHS[key.partition(':')[0]]}/{stripe_id}")
    if found is None or found.get("deleted"):
        raise ConfigurationError(
            f"Stripe has no {key.partition(':')[0]} {stripe_id}; give the id that its dashboard shows."
        )
    if found["livemode"] is not session.environment.live:
        raise ConfigurationError(f"{stripe_id} is of the other mode than {session.environment.name}.")
    marked = session.signer.key_of((found.get("metadata") or {}).get(FIELD))
    if marked not in (None, key):
        raise ConfigurationError(f"{stripe_id} carries the mark of {marked}; take its {FIELD} off first.")
    with session.engine.begin() as connection:
        refuse_taken(connection, session, key, stripe_id)
        if kind == EntityKind.SUBSCRIPTION:
            refuse_strange_customer(connection, session, found)
        links.add(connection, session.environment.name, key, stripe_id, source="person")
        note(connection, session, "link", key, by, {"stripe_id": stripe_id})
    return f"{kind} {id} is linked to {stripe_id}; the next run compares the two."


def refuse_taken(connection: Connection, session: Session, key: str, stripe_id: str) -> None:
    """One entity has one object, and the other way round."""
    name = session.environment.name
    known = links.of_keys(connection, name, [key])
    if known:
        raise ConfigurationError(f"{key} is linked to {known[key]}; unlink it first.")
    other = links.key_of(connection, name, stripe_id)
    if other is not None:
        raise ConfigurationError(f"{stripe_id} is linked to {other}; unlink that first.")


def refuse_strange_customer(connection: Connection, session: Session, found: dict[str, object]) -> None:
    """A subscription is linked only where its customer is."""
    if links.key_of(connection, session.environment.name, str(found["customer"])) is None:
        raise ConfigurationError(
            f"{found['id']} bills {found['customer']}, which is linked to nobody; link the customer first."
        )


def unlink(session: Session, kind: str, id: str, by: Hand) -> str:
    """Ends a link: what is in Stripe stays as it is, and no mark makes the link again."""
    key, name = key_of(session, kind, id), session.environment.name
    lane = leases.held(session.engine, name, LANE_OF[kind], holder=f"unlink by {by.person}")
    with lane, session.engine.begin() as connection:
        was = links.end(connection, name, key, by=f"person: {by.person}")
        if was is None:
            raise ConfigurationError(f"{kind} {id} is not linked; see stripe-sync status {name} {id}.")
        note(connection, session, "unlink", key, by, {"stripe_id": was})
    return f"{kind} {id} is no longer linked to {was}; the next run makes another object if it should be in Stripe."


def ignore(session: Session, kind: str, id: str, by: Hand) -> str:
    """Exempts an entity: its drift is shown as accepted, and nothing about it is written."""
    require_known(session, kind, id)
    name = session.environment.name
    with session.engine.begin() as connection:
        found = keys_about(connection, session, kind, id)
        for key in found:
            link_suggestions.ignore(connection, name, key, reason=by.reason, person=by.person)
        note(connection, session, "ignore", f"{kind}:{id}", by, {"keys": sorted(found)})
    return f"{kind} {id} is exempt; resync ends that."


def heed(session: Session, kind: str, id: str, by: Hand) -> str:
    """Takes an exemption back, so that the next run takes the entity up again."""
    with session.engine.begin() as connection:
        found = keys_about(connection, session, kind, id)
        ended = [key for key in found if link_suggestions.heed(connection, session.environment.name, key)]
        note(connection, session, "resync", f"{kind}:{id}", by, {"no longer exempt": sorted(ended)})
    return f"{kind} {id} is taken up again" + (", and no longer exempt." if ended else ".")


def keys_about(connection: Connection, session: Session, kind: str, id: str) -> set[str]:
    """The link keys of everything of an entity: its own object, and for a package its charges and prices."""
    if kind not in LANE_OF:
        raise ConfigurationError(f"There is no kind {kind}; kinds are {', '.join(LANE_OF)}.")
    own = {key_of(session, kind, id)} if kind in LINKED_BY_ID else set()
    key = keys.link_key(kind, keys.part(session.environment.name), keys.part(id))
    found = links.about(connection, session.environment.name, key, kind, keys.part(id))
    known = {key for key in found if keys.entity_of(key) == (kind, id)}
    return own | known | {keys.slot_of(key) for key in known if "@" in key}


def pause(session: Session, lane: str, by: Hand) -> str:
    """Stops all writes of a lane, or of all lanes, before the next one begins."""
    require_lane(lane)
    with session.engine.begin() as connection:
        leases.pause(connection, session.environment.name, lane, reason=by.reason, person=by.person)
        note(connection, session, "pause", lane or "all lanes", by)
    return f"{lane or 'Every lane'} of {session.environment.name} is paused: no write begins until resume."


def resume(session: Session, lane: str, by: Hand) -> str:
    """Takes the brake off."""
    require_lane(lane)
    with session.engine.begin() as connection:
        if not leases.resume(connection, session.environment.name, lane):
            raise ConfigurationError(f"{lane or 'The whole environment'} is not paused; resume names what pause named.")
        note(connection, session, "resume", lane or "all lanes", by)
    return f"{lane or 'Every lane'} of {session.environment.name} writes again, as its mode and the guards allow."


def retry(session: Session, id: str, by: Hand) -> str:
    """Frees an entity, or one target, that was refused again and again; the next run tries it."""
    with session.engine.begin() as connection:
        name = session.environment.name
        freed = len({*failures.free(connection, name, id), *declines.free(connection, name, id)})
        if not freed:
            raise ConfigurationError(
                f"Nothing of {id} in {session.environment.name} was refused; see stripe-sync status."
            )
        note(connection, session, "retry", id, by, {"targets": freed})
    return f"{freed} writes of {id} are tried again by the next run."


def require_lane(lane: str) -> None:
    if lane and lane not in LANES:
        raise ConfigurationError(f"There is no lane {lane}; lanes are {', '.join(LANES)}.")


def require_known(session: Session, kind: str, id: str) -> None:
    """Raises ConfigurationError for an entity that the last run did not see."""
    name = session.environment.name
    if not any(found.kind == kind and found.id == id for found in statuses.find(session.engine, name, id)):
        raise ConfigurationError(f"Stigg shows no {kind} {id} in {name} as of the last run; plan first if it is new.")


def note(
    connection: Connection,
    session: Session,
    command: str,
    subject: str,
    by: Hand,
    detail: dict[str, object] | None = None,
) -> None:
    manual_actions.record(
        connection, session.environment.name, command=command, subject=subject, reason=by.reason, person=by.person,
        detail=detail,
    )  # fmt: skip

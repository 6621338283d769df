"""Disconnecting an environment: show the effects, then, confirmed by name, end the links. Nothing is deleted in Stripe.

Journal, usage ledger and manual actions are kept. Ownership markers that stay in Stripe restore the links when the
environment is connected to the same account again; without them our objects cannot be distinguished from foreign ones.
"""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from typing import Any

from stripe_sync.core import ownership
from stripe_sync.core.errors import ConfigurationError, FatalError
from stripe_sync.core.lanes import LANES, Lane
from stripe_sync.domain.actual.billing_periods import ANCHOR
from stripe_sync.domain.actual.stripe_objects import CANCEL_AT, ONE_OFFS, OWN_METADATA
from stripe_sync.domain.plan.actions import Action, ActionKind
from stripe_sync.jobs.inputs.direct_writes import write
from stripe_sync.jobs.runtime.account import check_account
from stripe_sync.jobs.runtime.context import Run, Session
from stripe_sync.jobs.runtime.manual_actions import Operator, note
from stripe_sync.warehouse import environments
from stripe_sync.warehouse.comparisons import links
from stripe_sync.warehouse.engine import connect_to_read
from stripe_sync.warehouse.usage import draft_holds
from stripe_sync.warehouse.writes import leases

LANE = {
    "product": Lane.CATALOG,
    "price": Lane.CATALOG,
    "coupon": Lane.CATALOG,
    "customer": Lane.CUSTOMERS,
    "subscription": Lane.SUBSCRIPTIONS,
}


def look(session: Session, *, strip: bool) -> list[str]:
    """Return the effects of disconnecting, one sentence each."""
    name = session.environment.name
    with connect_to_read(session.engine) as connection:
        kinds = Counter(links.counts(connection, name))
        held = [h for h in draft_holds.holds(connection, name).values() if h.held]
    counts = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items())) or "none"
    effects = [
        f"{kinds.total()} links end ({counts}). Nothing is deleted in Stripe or Stigg, and subscriptions continue.",
        "Journal, usage ledger and manual actions are kept; snapshots are read again.",
        "Every lane is paused. Resume the lanes when the environment is connected again.",
    ]
    if kinds["checkout"]:
        effects.append(
            f"{kinds['checkout']} checkout sessions are open; payments there would not create a subscription in Stigg. Wait a day, or expire them."
        )
    if held:
        effects.append(f"{len(held)} drafts are held. Release them first, or they are finalized at their deadline.")
    if strip:
        count = sum(kinds[kind] for kind in LANE)
        effects.append(
            f"Our metadata is removed from {count} objects. Connecting again would then create each of them a second time, "
            f"including a second subscription for each customer, unless Stigg's billing ids or `link` identify them."
        )
    return effects


def disconnect(session: Session, run: Run, by: Operator, *, confirm: str, strip: bool) -> list[str]:
    """End the links and pause every lane; return the confirmation. Raises ConfigurationError without the environment's name."""
    name = session.environment.name
    if confirm != name:
        raise ConfigurationError(f"Disconnecting {name} requires its name: --confirm {name}.")
    stripped = 0
    with ExitStack() as stack:
        held = {lane: stack.enter_context(leases.held(session.engine, name, lane, holder=run.id)) for lane in LANES}
        if strip:
            check_account(session)
            for lane in (Lane.CATALOG, Lane.CUSTOMERS, Lane.SUBSCRIPTIONS):
                steps = write(session, run, strips(session, lane), held[lane])
                left = [s for s in steps if s.result != "done"]
                if left:
                    raise FatalError(
                        f"{len(left)} objects still have our metadata, the first {left[0].action.target}: {left[0].detail} "
                        f"No link was ended. Disconnect again."
                    )
                stripped += len(steps)
        with session.engine.begin() as connection:
            closed = environments.end(connection, name)
            leases.pause(connection, name, "", reason=f"disconnected: {by.reason}", person=by.person)
            note(connection, session, "disconnect", name, by, {"links": closed, "stripped": stripped})
    return [
        f"{closed} links of {name} ended, our metadata was removed from {stripped} objects, and every lane is paused."
    ]


def strips(session: Session, lane: Lane) -> list[Action]:
    """Return the actions that remove our metadata from the linked objects of a lane."""
    with connect_to_read(session.engine) as connection:
        found = {
            kind: links.of_kind(connection, session.environment.name, kind) for kind, of in LANE.items() if of == lane
        }
    empty: dict[str, Any] = dict.fromkeys((*OWN_METADATA, ONE_OFFS, CANCEL_AT, ANCHOR, ownership.FIELD), "")
    return [
        Action(
            kind=ActionKind(f"{kind}.strip"),
            lane=lane,
            target=key,
            after={"how": {"metadata": empty}},
            serial=key,
            sentence=f"Remove our metadata from {id}",
        )
        for kind, known in found.items()
        for key, id in sorted(known.items())
    ]

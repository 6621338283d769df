"""Disconnecting: first what it would do, then, confirmed by name, the links are closed and nothing is deleted in Stripe.

The journal, the ledger of usage and what people did by hand are kept. Marks that stay in Stripe make the links again when
the environment is connected to the same account; where they are taken off, nothing tells ours from others' any more.
"""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from typing import Any

from stripe_sync.core import ownership
from stripe_sync.core.errors import ConfigurationError, RunStopped
from stripe_sync.core.lanes import LANES, Lane
from stripe_sync.domain.actual.billing_periods import ANCHOR
from stripe_sync.domain.actual.stripe_objects import CANCEL_AT, ONCE, OWN_METADATA
from stripe_sync.domain.plan.actions import Action, ActionKind
from stripe_sync.jobs.inputs.direct_writes import write
from stripe_sync.jobs.runtime.account import account
from stripe_sync.jobs.runtime.context import Run, Session
from stripe_sync.jobs.runtime.manual_actions import Hand, note
from stripe_sync.warehouse import environments
from stripe_sync.warehouse.comparisons import links
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
    """What disconnecting would do, a sentence each."""
    name = session.environment.name
    with session.engine.connect() as connection:
        kinds = Counter(links.counts(connection, name))
        held = [h for h in draft_holds.holds(connection, name).values() if h.held]
    counts = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items())) or "none"
    said = [
        f"{kinds.total()} links are closed ({counts}); nothing is deleted in Stripe or in Stigg, and subscriptions go on.",
        "The journal, the ledger of usage and what was done by hand are kept; what was read is read anew.",
        "Every lane is paused; resume each when the environment is connected again.",
    ]
    if kinds["checkout"]:
        said.append(
            f"{kinds['checkout']} checkout pages are open: who pays there is not provisioned in Stigg. Wait a day, or expire them."
        )
    if held:
        said.append(f"{len(held)} drafts are held; release them first, or they are finalized at their deadline.")
    if strip:
        count = sum(kinds[kind] for kind in LANE)
        said.append(
            f"Our metadata is taken off {count} objects. Connecting again would then make every one of them anew: that "
            f"is a second subscription for each customer, unless Stigg's billing ids or `link` say which is which."
        )
    return said


def disconnect(session: Session, run: Run, by: Hand, *, confirm: str, strip: bool) -> list[str]:
    """Closes the links. Raises ConfigurationError unless the environment's name confirms it."""
    name = session.environment.name
    if confirm != name:
        raise ConfigurationError(f"To disconnect {name}, confirm it with its name: --confirm {name}.")
    stripped = 0
    with ExitStack() as stack:
        held = {lane: stack.enter_context(leases.held(session.engine, name, lane, holder=run.id)) for lane in LANES}
        if strip:
            account(session)
            for lane in (Lane.CATALOG, Lane.CUSTOMERS, Lane.SUBSCRIPTIONS):
                steps = write(session, run, strips(session, lane), held[lane])
                left = [s for s in steps if s.result != "done"]
                if left:
                    raise RunStopped(
                        f"{len(left)} objects keep our metadata, the first {left[0].action.target}: {left[0].detail} "
                        f"No link was closed; disconnect again."
                    )
                stripped += len(steps)
        with session.engine.begin() as connection:
            closed = environments.end(connection, name)
            leases.pause(connection, name, "", reason=f"disconnected: {by.reason}", person=by.person)
            note(connection, session, "disconnect", name, by, {"links": closed, "stripped": stripped})
    return [
        f"{closed} links of {name} are closed, and our metadata was taken off {stripped} objects; every lane is paused."
    ]


def strips(session: Session, lane: Lane) -> list[Action]:
    """The actions that take our metadata off the linked objects of a lane."""
    with session.engine.connect() as connection:
        found = {
            kind: links.of_kind(connection, session.environment.name, kind) for kind, of in LANE.items() if of == lane
        }
    empty: dict[str, Any] = dict.fromkeys((*OWN_METADATA, ONCE, CANCEL_AT, ANCHOR, ownership.FIELD), "")
    return [
        Action(kind=ActionKind(f"{kind}.strip"), lane=lane, target=key, after={"how": {"metadata": empty}}, serial=key,
               sentence=f"Take our metadata off {id}")
        for kind, known in found.items()
        for key, id in sorted(known.items())
    ]  # fmt: skip

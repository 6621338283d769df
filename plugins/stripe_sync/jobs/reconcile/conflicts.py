"""Stop the run where another integration syncs the same account, or was removed during the run (BILLING 10)."""

from __future__ import annotations

from stripe_sync.core import ownership
from stripe_sync.core.errors import FatalError
from stripe_sync.domain.actual import successors
from stripe_sync.domain.model.inputs import Inputs
from stripe_sync.jobs.inputs.partitions import ComparisonContext
from stripe_sync.warehouse.snapshots import changes
from stripe_sync.warehouse.writes import journal


def refuse(context: ComparisonContext, *, after: int) -> None:
    """Raise FatalError where another integration creates objects in Stripe, after the snapshot ``after``."""
    name, since = context.place.environment, journal.first_write(context.connection, context.place.environment)
    if since is None:
        return
    found = changes.foreign_objects(
        context.connection, context.place, first_write=since, mark=ownership.FIELD, after=after
    )
    if found:
        raise FatalError(
            f"{len(found)} objects in Stripe, such as {found[0]}, have Stigg's metadata without our ownership marker and are newer "
            f"than our first write: another integration syncs {name}. Remove Stigg's own integration, or remove that metadata."
        )


def refuse_detached(context: ComparisonContext, inputs: Inputs) -> None:
    """Raise FatalError where subscriptions in these inputs ended because Stigg's own integration was removed."""
    gone = successors.detached(inputs)
    if gone:
        raise FatalError(
            f"Linked subscriptions of {context.place.environment} ended by DetachBilling, such as {gone[0]}: Stigg's integration "
            f"was removed together with them. Nothing is canceled; restore them in Stigg, or end them in Stripe by hand."
        )


def unnamed(inputs: Inputs) -> set[str]:
    """Return the link keys of the customers and subscriptions without a billing id in Stigg."""
    keys = {inputs.link_key("customer", c.customer_id) for c in inputs.stigg.customers if c.billing_id is None}
    subscriptions = (s.subscription_id for s in inputs.stigg.subscriptions if s.billing_id is None)
    return keys | {inputs.link_key("subscription", id) for id in subscriptions}


def refuse_vanished(context: ComparisonContext) -> None:
    """Raise FatalError where Stigg lost the billing ids of adopted entities."""
    vanished, adopted = changes.vanished(context.connection, context.place)
    if vanished > adopted / 2:
        raise FatalError(
            f"Stigg lost the billing ids of {vanished} of {adopted} adopted customers and subscriptions of "
            f"{context.place.environment}. Check whether its integration was removed with its data before anything is written."
        )

"""Stripe's customer ids written back to Stigg (``customer.billingId``), where ``stigg.write_billing_id`` is on.

Only ids that Stigg does not have: an id in Stigg may be of another integration, and is never replaced.
"""

from __future__ import annotations

from stripe_sync.apply.results import Step
from stripe_sync.core import keys
from stripe_sync.core.lanes import Lane, Mode
from stripe_sync.domain.plan.actions import Action, ActionKind
from stripe_sync.jobs.inputs.direct_writes import write
from stripe_sync.jobs.runtime.context import Run, Session
from stripe_sync.warehouse.engine import connect_to_read, run_sql
from stripe_sync.warehouse.writes import leases


def write_back(session: Session, run: Run) -> list[Step]:
    """Writes what is missing, as many as one group may have actions; nothing where the customers lane may not write."""
    environment = session.environment
    if not environment.stigg.write_billing_id or run.narrowed(environment).mode(Lane.CUSTOMERS) != Mode.ENFORCE:
        return []
    about = {"environment": environment.name, "most": environment.limits.actions}
    with connect_to_read(session.engine) as connection:
        rows = run_sql(connection, "mirror/without_billing_id", **about)
    actions = [set_billing_id(environment.name, row["key"]) for row in rows]
    if not actions:
        return []
    with leases.held(session.engine, environment.name, Lane.CUSTOMERS, holder=run.id) as lease:
        return write(session, run, actions, lease)


def set_billing_id(environment: str, customer: str) -> Action:
    """The action that tells Stigg a customer's Stripe id."""
    id = keys.entity_of(customer)[1]
    return Action(
        kind=ActionKind.STIGG_SET_BILLING_ID,
        lane=Lane.CUSTOMERS,
        target=keys.link_key("billingid", keys.part(environment), keys.part(id)),
        after={"billing": customer},
        entity=("customer", id),
        serial=customer,
        sentence=f"Tell Stigg the Stripe id of {id}",
    )

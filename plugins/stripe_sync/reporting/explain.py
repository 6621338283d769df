"""Explanation of one customer for support: both sides, links, statuses, drafts, usage, drift and history.

It reads only the warehouse, as of the last run (``as_of``). Names and e-mail addresses are not included.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Engine, or_, select

from stripe_sync.core import keys
from stripe_sync.core.errors import ConfigurationError
from stripe_sync.warehouse import runs
from stripe_sync.warehouse.engine import connect_to_read, run_sql
from stripe_sync.warehouse.tables.comparisons import status

Row = dict[str, Any]
STIGG_FIELDS = (
    "status",
    "pricingType",
    "billingPeriod",
    "startDate",
    "trialEndDate",
    "currentBillingPeriodEnd",
    "cancellationDate",
    "cancelReason",
)
STRIPE_FIELDS = ("status", "collection_method", "cancel_at", "canceled_at", "start_date", "latest_invoice")


def explain_customer(engine: Engine, name: str, id: str) -> Row:
    """Return the explanation of a customer of environment ``name`` by section; ``id`` is its Stigg or Stripe id.

    Raises ConfigurationError where the last run saw no customer of this id.
    """
    with connect_to_read(engine) as connection:
        customer = stigg_id(connection, name, id)
        subscriptions = subscriptions_of(connection, name, customer)
        entities = [("customer", customer), *(("subscription", s["id"]) for s in subscriptions)]
        link_keys = [keys.link_key(kind, keys.part(name), keys.part(id)) for kind, id in entities]
        stripe_ids = stripe_ids_of(connection, name, link_keys)
        return {
            "environment": name,
            "as_of": (runs.last(engine, name) or {}).get("started_at"),
            "customer": customer,
            "statuses": run_sql(connection, "explain/statuses", environment=name, ids=[id for _, id in entities]),
            "links": run_sql(connection, "explain/links", environment=name, keys=link_keys),
            "stigg": subscriptions,
            "stripe": in_stripe(connection, name, list(stripe_ids)),
            "drift": run_sql(connection, "explain/drift", environment=name, keys=link_keys),
            "drafts": drafts_of(connection, name, list(stripe_ids)),
            "usage": run_sql(connection, "explain/usage", environment=name, ids=list(stripe_ids)),
            "history": run_sql(
                connection, "explain/history", environment=name, keys=link_keys, ids=[id for _, id in entities]
            ),
        }


def stigg_id(connection: Connection, environment: str, id: str) -> str:
    """Return the customer's id in Stigg. Raises ConfigurationError where the last run saw no customer of this id."""
    of = status.c
    found: str | None = connection.execute(
        select(of.id).where(of.environment == environment, of.kind == "customer", or_(of.id == id, of.stripe_id == id))
    ).scalar()
    if found is None:
        raise ConfigurationError(
            f"No customer of {environment} has the id {id}. Use a Stigg id or a Stripe id as of the last run."
        )
    return found


def subscriptions_of(connection: Connection, environment: str, customer: str) -> list[Row]:
    """Return the Stigg subscriptions that the customer uses or pays for."""
    found = run_sql(connection, "explain/subscriptions", environment=environment, id=customer)
    return [{"id": row["id"], **{name: row["body"].get(name) for name in STIGG_FIELDS}} for row in found]


def in_stripe(connection: Connection, environment: str, ids: list[str]) -> list[Row]:
    """Return the linked subscriptions of the newest Stripe snapshot, with their items."""
    result = []
    for row in run_sql(connection, "explain/in_stripe", environment=environment, ids=ids):
        body = row["body"]
        items = [
            {
                "price": i["price"]["id"],
                "unit_amount": i["price"].get("unit_amount_decimal"),
                "quantity": i.get("quantity"),
                "until": i.get("current_period_end"),
            }
            for i in (body.get("items") or {}).get("data", ())
        ]
        result.append({"id": row["id"], **{name: body.get(name) for name in STRIPE_FIELDS}, "items": items})
    return result


def drafts_of(connection: Connection, environment: str, ids: list[str]) -> list[Row]:
    """Return the customer's draft invoices, each with the time at which Stripe finalizes it (epoch seconds)."""
    found = run_sql(connection, "explain/drafts", environment=environment, ids=ids)
    names = ("total", "currency", "billing_reason", "created", "automatically_finalizes_at")
    return [{"id": row["id"], **{name: row["body"].get(name) for name in names}} for row in found]


def stripe_ids_of(connection: Connection, environment: str, link_keys: list[str]) -> set[str]:
    """Return the Stripe ids of open links."""
    found = run_sql(connection, "explain/links", environment=environment, keys=link_keys)
    return {row["stripe_id"] for row in found if row["ended_at"] is None}

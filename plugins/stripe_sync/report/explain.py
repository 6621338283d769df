"""One page about one customer, for the support person who asks why they were billed that: everything the warehouse knows.

It reads the warehouse alone; the reading is as old as the last run, and says so. What people may not see elsewhere (names,
e-mail addresses) is not in it either.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Engine, text

from stripe_sync import keys
from stripe_sync.errors import ConfigurationError
from stripe_sync.warehouse import runs

Row = dict[str, Any]
STIGG_FIELDS = ("status", "pricingType", "billingPeriod", "startDate", "trialEndDate", "currentBillingPeriodEnd",
                "cancellationDate", "cancelReason")  # fmt: skip
STRIPE_FIELDS = ("status", "collection_method", "cancel_at", "canceled_at", "start_date", "latest_invoice")


def explain_customer(engine: Engine, name: str, id: str) -> Row:
    """Everything about a customer of the environment ``name``, by its Stigg or Stripe id. Raises ConfigurationError for one that nobody knows."""
    with engine.connect() as connection:
        customer = stigg_id(connection, name, id)
        subscriptions = subscriptions_of(connection, name, customer)
        entities = [("customer", customer), *(("subscription", s["id"]) for s in subscriptions)]
        link_keys = [keys.link_key(kind, keys.part(name), keys.part(id)) for kind, id in entities]
        stripe_ids = stripe_ids_of(connection, name, link_keys)
        return {
            "environment": name,
            "as_of": (runs.last(engine, name) or {}).get("started_at"),
            "customer": customer,
            "statuses": rows(connection, STATUSES, e=name, ids=[id for _, id in entities]),
            "links": rows(connection, LINKS, e=name, keys=link_keys),
            "stigg": subscriptions,
            "stripe": in_stripe(connection, name, list(stripe_ids)),
            "drift": rows(connection, DRIFT, e=name, keys=link_keys),
            "drafts": drafts_of(connection, name, list(stripe_ids)),
            "usage": rows(connection, USAGE, e=name, ids=list(stripe_ids)),
            "history": rows(connection, HISTORY, e=name, keys=link_keys, ids=[id for _, id in entities]),
        }


def stigg_id(connection: Connection, environment: str, id: str) -> str:
    """The customer's id in Stigg, from that or from its Stripe id."""
    found: str | None = connection.execute(
        text("select id from status where environment = :e and kind = 'customer' and (id = :id or stripe_id = :id)"),
        {"e": environment, "id": id},
    ).scalar()
    if found is None:
        raise ConfigurationError(
            f"{environment} knows no customer {id} as of its last run; give a Stigg id or a Stripe id."
        )
    return found


def subscriptions_of(connection: Connection, environment: str, customer: str) -> list[Row]:
    """The customer's subscriptions in Stigg: theirs, and those that they pay for."""
    found = rows(connection, STIGG, e=environment, id=customer)
    return [{"id": row["id"], **{name: row["body"].get(name) for name in STIGG_FIELDS}} for row in found]


def in_stripe(connection: Connection, environment: str, ids: list[str]) -> list[Row]:
    """The linked subscriptions as the mirror of Stripe holds them, with their items."""
    result = []
    for row in rows(connection, STRIPE, e=environment, ids=ids):
        body = row["body"]
        items = [
            {"price": i["price"]["id"], "unit_amount": i["price"].get("unit_amount_decimal"), "quantity": i.get("quantity"),
             "until": i.get("current_period_end")}
            for i in (body.get("items") or {}).get("data", ())
        ]  # fmt: skip
        result.append({"id": row["id"], **{name: body.get(name) for name in STRIPE_FIELDS}, "items": items})
    return result


def drafts_of(connection: Connection, environment: str, ids: list[str]) -> list[Row]:
    """The customer's draft invoices, with the moment at which Stripe finalizes each."""
    found = rows(connection, DRAFTS, e=environment, ids=ids)
    names = ("total", "currency", "billing_reason", "created", "automatically_finalizes_at")
    return [{"id": row["id"], **{name: row["body"].get(name) for name in names}} for row in found]


def stripe_ids_of(connection: Connection, environment: str, link_keys: list[str]) -> set[str]:
    found = rows(connection, LINKS, e=environment, keys=link_keys)
    return {row["stripe_id"] for row in found if row["ended_at"] is None}


def rows(connection: Connection, sql: str, **parameters: Any) -> list[Row]:
    return [dict(row._mapping) for row in connection.execute(text(sql), parameters)]


STATUSES = """
select kind, id, status, reason, detail, stripe_id, changed_at
from status where environment = :e and id = any(:ids) order by kind, id
"""
LINKS = """
select key, stripe_id, source, created_at, ended_at, ended_by
from link where environment = :e and key = any(:keys) order by key, id
"""
STIGG = """
select id, body from mirror
where
    environment = :e and side = 'stigg' and kind = 'subscription' and valid_to is null
    and :id in (body #>> '{customer,customerId}', body #>> '{payingCustomer,customerId}')
order by id
"""
STRIPE = """
select id, body from mirror
where environment = :e and side = 'stripe' and kind = 'subscription' and valid_to is null and id = any(:ids) order by id
"""
DRAFTS = """
select id, body from mirror
where
    environment = :e and side = 'stripe' and kind = 'invoice' and valid_to is null and body ->> 'status' = 'draft'
    and body ->> 'customer' = any(:ids)
order by id
"""
DRIFT = """
select key, field, sentence, severity, per_month, since, accepted, stripe_url, stigg_url
from drift
where comparison_id = (select max(id) from comparison where environment = :e) and key = any(:keys)
order by key, field
"""
USAGE = """
select
    id as row, measured ->> 'feature' as feature, start_at, end_at, trim_scale(quantity)::text as quantity,
    coalesce(state, 'due') as state, invoice, reason
from usage_now where environment = :e and subscription = any(:ids) order by end_at, charge
"""
HISTORY = """
select o.finished_at as at, i.kind || ' ' || i.target as what, o.result, o.request_id, o.reason || ' ' || o.detail as why
from journal_intent as i
inner join journal_outcome as o on o.intent_id = i.id
where
    i.environment = :e
    and (i.target = any(:keys) or i.action #>> '{entity,1}' = any(:ids) or i.action ->> 'serial' = any(:keys))
union all
select done_at, command || ' ' || subject, 'by hand', '', person || ': ' || reason
from hand
where environment = :e and (subject = any(:keys) or split_part(subject, ':', 2) = any(:ids))
order by at
"""

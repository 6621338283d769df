"""Declined writes: which are not retried, and the invoices that a refused call left in Stripe (BILLING 6, SB 12.5)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine

from stripe_sync.apply.links import LinkIndex
from stripe_sync.apply.resources.invoice import INVOICES
from stripe_sync.clients.stripe.client import StripeApi
from stripe_sync.core import ownership
from stripe_sync.core.errors import EntityError, Replayed
from stripe_sync.domain.model.stripe_status import InvoiceStatus
from stripe_sync.domain.plan.actions import Action
from stripe_sync.domain.plan.declines import (
    Decline,
    blocks,
    left_open,
    may_charge,
    may_repeat,
    refused,
    waiting_message,
)
from stripe_sync.warehouse.plans import declines
from stripe_sync.warehouse.writes.journal import Intent

Row = dict[str, Any]
OF_THE_CALL = ("subscription_create", "subscription_update")


@dataclass
class Declines:
    """The declined writes of an environment while a plan is applied.

    ``collected`` are the invoices of refused calls that Stripe still collects. With ``is_approved`` a person approved the actions
    of this run, which permits declined writes too.
    """

    engine: Engine
    api: StripeApi
    link_index: LinkIndex
    environment: str
    now: datetime
    is_approved: bool = False
    known: dict[str, Decline] = field(init=False)
    collected: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.known = declines.all_of(self.engine, self.environment)

    def reason(self, action: Action) -> str:
        """Return the reason why a write that may charge is not retried; empty where it may be."""
        decline = self.known.get(action.target)
        if decline is None or not may_charge(action):
            return ""
        if decline.invoice:
            invoice = self.api.find(f"/v1/invoices/{decline.invoice}")
            if invoice is not None and blocks(decline, invoice["status"]):
                return left_open(decline, invoice["status"], is_collected=bool(invoice["auto_advance"]))
        return "" if self.is_approved or may_repeat(decline, action, self.now) else waiting_message(decline)

    def refused(self, intent: Intent, failure: EntityError) -> Decline:
        """Return the decline after a refusal, and stop the collection of an invoice that the call left.

        An invoice whose collection cannot be stopped is recorded too, and is added to ``collected``.
        """
        action = intent.action
        decline = refused(
            self.known.get(action.target), action, code=failure.decline, detail=failure.detail, now=self.now
        )
        for invoice in left_by(self.api, action, self.link_index, intent.since):
            try:
                self.switch_off(invoice, intent)
            except (EntityError, Replayed):
                self.collected.add(invoice["id"])
            decline = replace(decline, invoice=invoice["id"])
        return decline

    def switch_off(self, invoice: Row, intent: Intent) -> None:
        """Stop the collection of an invoice that a refused call left; do nothing if it is already stopped."""
        if invoice["auto_advance"]:
            self.api.write(
                "post /v1/invoices/{id}",
                lambda client, options: client.v1.invoices.update(invoice["id"], {"auto_advance": False}, options),
                idempotency_key=f"{intent.idempotency_key}-off-{invoice['id']}",
            )

    def keep(self, connection: Connection, action: Action, decline: Decline) -> None:
        """Store the decline of an action."""
        entity = action.entity[1] if action.entity else ""
        declines.keep(connection, self.environment, target=action.target, entity=entity, decline=decline)
        self.known[action.target] = decline

    def made(self, connection: Connection, action: Action) -> None:
        """Delete the decline of a successful write."""
        if may_charge(action):
            declines.forget(connection, self.environment, action.target)
            self.known.pop(action.target, None)


def left_by(api: StripeApi, action: Action, link_index: LinkIndex, since: datetime) -> Iterator[Row]:
    """Yield the open invoices of the target since the intent, newest first."""
    customer = link_index.get(customer_of(action))
    if customer is None:
        return
    for found in INVOICES.created_since(api, since, customer=customer):
        invoice = found.object
        ours = invoice["status"] == InvoiceStatus.OPEN and invoice["billing_reason"] in OF_THE_CALL
        if ours and is_of(api, invoice, action, link_index):
            yield invoice


def customer_of(action: Action) -> str:
    """Return the link key of the customer that a write charges."""
    return str(action.after.get("customer") or action.serial)


def is_of(api: StripeApi, invoice: Mapping[str, Any], action: Action, link_index: LinkIndex) -> bool:
    """Return whether an invoice is of the subscription that an action writes: by its id, or by our ownership marker."""
    id = ((invoice.get("parent") or {}).get("subscription_details") or {}).get("subscription")
    own = link_index.get(action.target)
    if id is None or own is not None or id in link_index.decoding_context().key_by_stripe_id:
        return id is not None and id == own
    found = api.find(f"/v1/subscriptions/{id}")
    return found is not None and link_index.signer.key_of(found["metadata"].get(ownership.FIELD)) == action.target

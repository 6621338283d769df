"""Rate limits of one subscription on the world's clock: new invoices and changes of quantity (SB 13.2)."""

from __future__ import annotations

from sandbox.world.refusal import StripeRefusal
from sandbox.world.state import Obj, World

MINUTE, HOUR, DAY = 60, 3600, 24 * 3600
INVOICES = ((MINUTE, 10), (DAY, 20))  # (seconds, how many new invoices)
QUANTITIES = 200  # changes of quantity an hour


def check_invoices(world: World, subscription: str) -> None:
    """Refuse one more invoice of a subscription. Raises StripeRefusal 429 ``resource-specific``."""
    made = [i["created"] for i in world.stripe["invoices"].values() if subscription_of(i) == subscription]
    for seconds, most in INVOICES:
        if sum(at > world.now - seconds for at in made) >= most:
            raise too_many(f"A subscription can have {most} new invoices in {seconds} seconds.")


def check_quantities(world: World, subscription: str, params: Obj) -> None:
    """Count a change of quantity, or refuse it. Raises StripeRefusal 429 ``resource-specific``."""
    if not any("quantity" in item and "id" in item for item in params.get("items", ())):
        return
    lately = [at for at in world.quantity_updates.get(subscription, []) if at > world.now - HOUR]
    if len(lately) >= QUANTITIES:
        raise too_many(f"A subscription can have {QUANTITIES} changes of quantity an hour.")
    world.quantity_updates[subscription] = [*lately, world.now]


def subscription_of(invoice: Obj) -> str | None:
    parent = invoice.get("parent") or {}
    found: str | None = (parent.get("subscription_details") or {}).get("subscription")
    return found


def too_many(message: str) -> StripeRefusal:
    headers = {"Stripe-Rate-Limited-Reason": "resource-specific"}
    return StripeRefusal(message, status=429, code="rate_limit", headers=headers)

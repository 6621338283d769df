"""Which subscriptions Stripe bills, with which items, and how a new one begins (BILLING 6)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from stripe_sync import periods
from stripe_sync.clock import epoch
from stripe_sync.desired.catalog import PriceVersion, own_metadata
from stripe_sync.desired.inputs import ENDED, Inputs
from stripe_sync.errors import RowFailed
from stripe_sync.model.documents import SUBSCRIPTION, Claim, Document, compact
from stripe_sync.model.status import EntityStatus, Reason, Status
from stripe_sync.model.stigg_side import Subscription

MAX_ITEMS, MAX_SUBSCRIPTIONS = 20, 500
GONE = ("canceled", "incomplete_expired")
COLLECTION = {"CHARGE": "charge_automatically", "INVOICE": "send_invoice", None: "charge_automatically"}
NOT_YET = {"PAYMENT_PENDING": Reason.PAYMENT_PENDING, "NOT_STARTED": Reason.NOT_STARTED}


def subscriptions(
    inputs: Inputs, versions: Mapping[str, PriceVersion], customers: Mapping[str, EntityStatus]
) -> tuple[list[Claim], list[EntityStatus]]:
    """A claim for each subscription that Stripe should bill, and the status of all.

    ``versions`` are price versions by the id of Stigg's price; ``customers`` are the statuses of customers by id.
    """
    claims, statuses = [], []
    living = Counter(s.customer for s in inputs.stripe.subscriptions.values() if s.status not in GONE)
    for subscription in inputs.stigg.subscriptions:
        key = inputs.link_key("subscription", subscription.subscription_id)
        try:
            refused = refusal(inputs, subscription, key, customers.get(subscription.payer()))
            made = claim(inputs, subscription, key, versions) if refused is None else None
            if made is not None and key not in inputs.links.ids:
                refused = not_yet_chargeable(inputs, subscription) or beyond_stripe(
                    inputs, subscription, versions, living
                )
        except RowFailed as failure:
            refused = status(inputs, subscription, Status.ERROR, Reason(failure.reason), failure.detail)
        if refused is None and made is not None:
            claims.append(made)
        statuses.append(refused or status(inputs, subscription, Status.PENDING, Reason.WAITS_FOR_WRITE))
    return claims, statuses


def status(
    inputs: Inputs, subscription: Subscription, status: Status, reason: Reason, detail: str = ""
) -> EntityStatus:
    key = inputs.link_key("subscription", subscription.subscription_id)
    return EntityStatus("subscription", subscription.subscription_id, status, reason, detail, inputs.links.ids.get(key))


def refusal(inputs: Inputs, subscription: Subscription, key: str, customer: EntityStatus | None) -> EntityStatus | None:
    """Why Stripe does not bill a subscription, if so."""

    def no(kind: Status, reason: Reason, detail: str = "") -> EntityStatus:
        return status(inputs, subscription, kind, reason, detail)

    linked = inputs.links.ids.get(key)
    if subscription.status in ENDED:
        return no(Status.NO_SYNC_REQUIRED, Reason.ENDED)
    if subscription.pricing_type == "FREE":
        return no(Status.NO_SYNC_REQUIRED, Reason.FREE)
    if subscription.pricing_type == "CUSTOM" or subscription.is_custom_price_subscription:
        return no(Status.NO_SYNC_REQUIRED, Reason.CUSTOM_PRICE)
    if subscription.status == "IN_TRIAL":
        return no(Status.NO_SYNC_REQUIRED, Reason.TRIAL)
    if subscription.status in NOT_YET:
        return no(Status.PENDING, NOT_YET[subscription.status])
    if subscription.status != "ACTIVE":
        return no(Status.ERROR, Reason.UNKNOWN_STATUS, f"Stigg's status {subscription.status} is unknown.")
    if linked is None and not inputs.environment.sync_subscriptions:
        return no(Status.NO_SYNC_REQUIRED, Reason.SUBSCRIPTION_SYNC_OFF)
    if customer is None:
        return no(Status.ERROR, Reason.CUSTOMER_MISSING, f"Stigg shows no customer {subscription.payer()}.")
    if customer.reason is Reason.CUSTOMER_SYNC_OFF or customer.status is Status.ERROR:
        return no(customer.status, customer.reason, customer.detail)
    return gone(inputs, subscription, linked) if linked is not None else None


def gone(inputs: Inputs, subscription: Subscription, linked: str) -> EntityStatus | None:
    """A linked subscription that Stripe no longer bills is never made again by itself."""
    found = inputs.stripe.subscriptions.get(linked)
    if found is None or found.status in GONE:
        detail = f"{linked} is canceled in Stripe and active in Stigg; cancel it in Stigg, or unlink it."
        return status(inputs, subscription, Status.ERROR, Reason.CANCELED_IN_STRIPE, detail)
    return None


def claim(inputs: Inputs, subscription: Subscription, key: str, versions: Mapping[str, PriceVersion]) -> Claim:
    """What Stripe should bill. Raises RowFailed where it cannot be known."""
    method = subscription.payment_collection_method
    if method not in COLLECTION:
        raise RowFailed(
            "NEEDS_A_PERSON",
            f"Stigg collects by {method}, which has no counterpart in Stripe; choose CHARGE or INVOICE.",
        )
    lines = items(subscription, versions)
    currencies = {version.currency for version, _ in lines}
    if len(currencies) > 1:
        raise RowFailed("MIXED_CURRENCIES", f"Its prices are in {', '.join(sorted(currencies))}; Stripe bills one.")
    if len(lines) > MAX_ITEMS:
        raise RowFailed("TOO_MANY_ITEMS", f"It has {len(lines)} items; Stripe takes {MAX_ITEMS}.")
    collection = COLLECTION[method]
    document = compact(
        {
            "customer": inputs.link_key("customer", subscription.payer()),
            "items": sorted(
                ({"price": version.key, "quantity": str(quantity)} for version, quantity in lines),
                key=lambda item: item["price"],
            ),
            "collection_method": collection,
            "days_until_due": str(inputs.environment.days_until_due) if collection == "send_invoice" else None,
            "metadata": own_metadata(inputs, "subscription", subscription.subscription_id, key),
        }
    )
    facts = {"start": start(inputs, subscription), "changed_at": changed_at(subscription, versions)}
    return Claim(SUBSCRIPTION, key, document, ("subscription", subscription.subscription_id), facts=facts)


def items(subscription: Subscription, versions: Mapping[str, PriceVersion]) -> list[tuple[PriceVersion, int]]:
    """(price version, quantity) of each licensed item; free add-on units are subtracted."""
    free = {item.addon_id: item.quantity for item in subscription.free_items or ()}
    lines: list[tuple[PriceVersion, int]] = []
    for part in subscription.prices or ():
        if part.price is None:
            raise RowFailed("NO_PRICE", "Stigg shows a charge of this subscription without its price.")
        quantity = Decimal(1) if part.price.feature is None else part.usage_limit
        lines.append((lookup(part.price.id, versions), whole(quantity, "a charge")))
    for addon in subscription.addons or ():
        if addon.price is None:
            raise RowFailed("NO_PRICE", f"Stigg shows the add-on {addon.addon.ref_id} without its price.")
        quantity = max(Decimal(0), addon.quantity - free.get(addon.addon.ref_id, Decimal(0)))
        if quantity:
            lines.append((lookup(addon.price.id, versions), whole(quantity, f"the add-on {addon.addon.ref_id}")))
    if not lines:
        raise RowFailed("NO_PRICE", "It is paid, and Stigg shows no price of it.")
    return lines


def lookup(price_id: str, versions: Mapping[str, PriceVersion]) -> PriceVersion:
    if price_id not in versions:
        raise RowFailed("NO_PRICE", f"Stigg's price {price_id} is of no plan or add-on that can be synced.")
    return versions[price_id]


def whole(quantity: Decimal | None, what: str) -> int:
    if quantity is None or quantity != quantity.to_integral_value() or quantity < 0:
        raise RowFailed("BAD_AMOUNT", f"The quantity of {what} is {quantity}; Stripe bills whole units.")
    return int(quantity)


def paid_from(subscription: Subscription) -> datetime:
    """When paid time began: the end of a trial, else the start."""
    ended = subscription.trial_end_date if subscription.was_in_trial else None
    return ended or subscription.start_date


def start(inputs: Inputs, subscription: Subscription) -> dict[str, Any]:
    """How a new one begins: billed in full from where paid time began if that is recent, else from the next period.

    Times are Unix seconds. ``late`` ones charge nothing for the running period and always wait for a person.
    """
    begin = paid_from(subscription)
    rhythm = subscription.billing_period or "MONTHLY"
    anchor = subscription.current_billing_period_end
    if anchor is None or anchor <= inputs.now:
        anchor = periods.next_bound(subscription.billing_cycle_anchor or begin, rhythm, inputs.now)
    late = inputs.now - begin > timedelta(hours=inputs.environment.late_start_hours)
    timing: Document = {"billing_cycle_anchor": epoch(anchor), "late": late}
    return timing if late else timing | {"backdate_start_date": epoch(min(begin, inputs.now))}


def changed_at(subscription: Subscription, versions: Mapping[str, PriceVersion]) -> dict[str, int]:
    """When Stigg last changed each item, Unix seconds by price version."""
    changes: dict[str, int] = {}
    for part in [*(subscription.prices or ()), *(subscription.addons or ())]:
        if part.price is not None and part.updated_at is not None and part.price.id in versions:
            changes[versions[part.price.id].key] = epoch(part.updated_at)
    return changes


def not_yet_chargeable(inputs: Inputs, subscription: Subscription) -> EntityStatus | None:
    """A subscription that is charged automatically is made only when Stripe knows a default payment method."""
    if COLLECTION.get(subscription.payment_collection_method) != "charge_automatically":
        return None
    linked = inputs.links.ids.get(inputs.link_key("customer", subscription.payer()))
    customer = inputs.stripe.customers.get(linked) if linked else None
    if customer is not None and customer.can_be_charged():
        return None
    detail = f"The customer {subscription.payer()} has no default payment method in Stripe yet."
    return status(inputs, subscription, Status.PENDING, Reason.NO_PAYMENT_METHOD, detail)


def beyond_stripe(
    inputs: Inputs, subscription: Subscription, versions: Mapping[str, PriceVersion], living: Mapping[str, int]
) -> EntityStatus | None:
    """A new subscription that Stripe would refuse: another currency than its customer's, or one too many."""
    linked = inputs.links.ids.get(inputs.link_key("customer", subscription.payer()))
    customer = inputs.stripe.customers.get(linked) if linked else None
    if customer is None:
        return None
    currency = items(subscription, versions)[0][0].currency
    if customer.currency not in (None, currency):
        detail = f"Its prices are in {currency}, and Stripe bills its customer in {customer.currency}."
        return status(inputs, subscription, Status.ERROR, Reason.MIXED_CURRENCIES, detail)
    if living.get(customer.id, 0) >= MAX_SUBSCRIPTIONS:
        detail = f"Its customer has {living[customer.id]} subscriptions in Stripe, which takes {MAX_SUBSCRIPTIONS}."
        return status(inputs, subscription, Status.ERROR, Reason.TOO_MANY_SUBSCRIPTIONS, detail)
    return None

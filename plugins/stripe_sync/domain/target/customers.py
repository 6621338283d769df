"""Target documents of customers, and the conditions for syncing them (BILLING 5)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from stripe_sync.core.reasons import ReasonCode
from stripe_sync.domain.model.documents import CUSTOMER, ObjectDocument, clean_text, compact
from stripe_sync.domain.model.inputs import BILLABLE, Inputs
from stripe_sync.domain.model.status import EntityStatus, Status
from stripe_sync.domain.model.stigg import Customer, Subscription
from stripe_sync.domain.model.stigg_status import StiggStatus
from stripe_sync.domain.target.catalog import display_names
from stripe_sync.domain.target.catalog.catalog import own_metadata

# States of a customer's location with which Stripe Tax cannot tax invoices.
UNUSABLE = ("unrecognized_location", "failed")


def customers(inputs: Inputs) -> tuple[list[ObjectDocument], list[EntityStatus]]:
    """Return (targets of the customers to sync, statuses of all)."""
    targets, statuses = [], []
    by_payer: dict[str, list[Subscription]] = defaultdict(list)
    for subscription in inputs.stigg.subscriptions:
        by_payer[subscription.payer()].append(subscription)
    for customer in inputs.stigg.customers:
        key = inputs.link_key("customer", customer.customer_id)
        refused = refusal(inputs, customer, by_payer[customer.customer_id], key)
        statuses.append(
            refused or EntityStatus("customer", customer.customer_id, Status.PENDING, ReasonCode.WAITS_FOR_WRITE)
        )
        if refused is None:
            targets.append(customer_target(inputs, customer, key))
    return targets, statuses


def refusal(inputs: Inputs, customer: Customer, subscriptions: list[Subscription], key: str) -> EntityStatus | None:
    """Return the status of a customer that is not synced, else None. A linked customer stays synced."""

    def no(status: Status, reason: ReasonCode, detail: str = "") -> EntityStatus:
        return EntityStatus("customer", customer.customer_id, status, reason, detail, inputs.links.ids.get(key))

    if key in inputs.links.ids:
        found = inputs.stripe.customers.get(inputs.links.ids[key])
        if found is None or found.deleted:
            return no(
                Status.ERROR,
                ReasonCode.CUSTOMER_DELETED,
                f"The Stripe customer {inputs.links.ids[key]} was deleted; it is made again only by a person's command.",
            )
        if inputs.environment.stripe.tax and found.tax is not None and found.tax.automatic_tax in UNUSABLE:
            return no(
                Status.ERROR,
                ReasonCode.TAX_LOCATION,
                f"Stripe Tax cannot use the location of {found.id} ({found.tax.automatic_tax}); it needs an address there.",
            )
        return None
    if not inputs.environment.sync_customers:
        return no(Status.NO_SYNC_REQUIRED, ReasonCode.CUSTOMER_SYNC_OFF)
    if key in inputs.suggestions:
        return no(Status.PENDING, ReasonCode.CANDIDATE, inputs.suggestions[key])
    if customer.deleted_at is not None:
        return no(Status.NO_SYNC_REQUIRED, ReasonCode.ARCHIVED)
    missing = why_unwanted(inputs, customer, subscriptions)
    if not missing:
        return None
    detail = f"It is not synced to Stripe: {', '.join(reason.value for reason in missing)}."
    return no(Status.NO_SYNC_REQUIRED, missing[0], detail)


def why_unwanted(inputs: Inputs, customer: Customer, subscriptions: list[Subscription]) -> list[ReasonCode]:
    """Return the reasons not to sync, the one about subscriptions first; empty if there is a reason to sync.

    A paid subscription, billing information or a payment method is each a sufficient reason.
    """
    if any(is_paid(s) for s in subscriptions) or has_billing_information(inputs, customer):
        return []
    if customer.has_payment_method:
        return []
    return [about_subscriptions(subscriptions), ReasonCode.NO_BILLING_INFORMATION, ReasonCode.NO_PAYMENT_METHOD]


def has_billing_information(inputs: Inputs, customer: Customer) -> bool:
    """Return whether additionalMetaData has billing information; Stigg's API does not return its own."""
    given = customer.additional_meta_data or {}
    return any(
        given.get(key)
        for key in (inputs.environment.stigg.billing_name_key, inputs.environment.stigg.billing_address_key)
    )


def is_paid(subscription: Subscription) -> bool:
    """Return whether a subscription is or will be billed: not free, in trial, custom or ended."""
    billable = subscription.status in BILLABLE and subscription.status != StiggStatus.IN_TRIAL
    return billable and subscription.pricing_type == "PAID" and not subscription.is_custom()


def about_subscriptions(subscriptions: Iterable[Subscription]) -> ReasonCode:
    """Return the reason that applies to all current subscriptions of a customer; a trial may be of any plan."""
    living = [s for s in subscriptions if s.status in BILLABLE]
    if not living:
        return ReasonCode.NO_SUBSCRIPTION
    if all(s.status == StiggStatus.IN_TRIAL for s in living):
        return ReasonCode.ONLY_TRIAL
    if all(s.is_free() for s in living):
        return ReasonCode.ONLY_FREE
    if all(s.is_custom() for s in living):
        return ReasonCode.ONLY_CUSTOM
    return ReasonCode.NOTHING_PAID


def customer_target(inputs: Inputs, customer: Customer, key: str) -> ObjectDocument:
    """Return the target of a customer; an invoice name replaces the name."""
    name = clean_text(customer.name)
    given = (customer.additional_meta_data or {}).get(inputs.environment.stigg.billing_name_key)
    invoice_name = clean_text(str(given or "")) or name
    document = compact(
        {
            "name": display_names.cut(invoice_name, display_names.LIMITS["customer"]) if invoice_name else None,
            "description": display_names.cut(name, display_names.LIMITS["description"]) if name else None,
            "email": clean_text(customer.email),
            "metadata": own_metadata(inputs, "customer", customer.customer_id, key)
            | {"stiggCustomerId": customer.customer_id},
        }
    )
    return ObjectDocument(CUSTOMER, key, document, ("customer", customer.customer_id))

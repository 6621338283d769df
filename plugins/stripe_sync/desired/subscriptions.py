"""Which subscriptions Stripe bills, with which items, and how a new one begins (BILLING 6)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from stripe_sync import periods
from stripe_sync.clock import epoch
from stripe_sync.desired import coupons
from stripe_sync.desired.catalog import Catalog, minimum_id, own_metadata
from stripe_sync.desired.found import GONE, Reading, expanded, once_of
from stripe_sync.desired.inputs import ENDED, Inputs
from stripe_sync.desired.prices import PriceVersion
from stripe_sync.desired.successors import Fate
from stripe_sync.errors import RowFailed
from stripe_sync.model.documents import STIGG_SUBSCRIPTION, SUBSCRIPTION, Claim, Document, compact
from stripe_sync.model.status import EntityStatus, Reason, Status
from stripe_sync.model.stigg_side import Subscription
from stripe_sync.model.stripe_side import StripeSubscription

MAX_ITEMS, MAX_SUBSCRIPTIONS = 20, 500
MAX_ONCE = 55  # tokens of nine characters in a metadata value of 500
COLLECTION = {"CHARGE": "charge_automatically", "INVOICE": "send_invoice", None: "charge_automatically"}
NOT_YET = {"PAYMENT_PENDING": Reason.PAYMENT_PENDING, "NOT_STARTED": Reason.NOT_STARTED}
Line = tuple[PriceVersion, int]


@dataclass(frozen=True)
class Around:
    """What a subscription's claim is made from besides itself.

    ``customers`` are the statuses of customers by id, ``catalog_coupons`` the link keys of the catalog's coupons,
    ``living`` how many subscriptions each Stripe customer has.
    """

    catalog: Catalog
    customers: Mapping[str, EntityStatus]
    catalog_coupons: Mapping[str, str]
    fates: Mapping[str, Fate]
    living: Mapping[str, int]


def subscriptions(
    inputs: Inputs,
    catalog: Catalog,
    customers: Mapping[str, EntityStatus],
    *,
    catalog_coupons: Mapping[str, str],
    fates: Mapping[str, Fate],
) -> tuple[list[Claim], list[EntityStatus]]:
    """The claims of all subscriptions that Stripe should bill, or end, and the status of all."""
    claims: list[Claim] = []
    statuses = []
    living = Counter(s.customer for s in inputs.stripe.subscriptions.values() if s.status not in GONE)
    around = Around(catalog, customers, catalog_coupons, fates, living)
    for subscription in inputs.stigg.subscriptions:
        made, refused = decided(inputs, subscription, around)
        claims += made
        statuses.append(refused or status(inputs, subscription, Status.PENDING, Reason.WAITS_FOR_WRITE))
    return claims, statuses


def decided(inputs: Inputs, subscription: Subscription, around: Around) -> tuple[list[Claim], EntityStatus | None]:
    """(the claims of one subscription, why there is none)."""
    key = inputs.link_key("subscription", subscription.subscription_id)
    if subscription.status in ENDED or subscription.subscription_id in around.fates:
        return ending(inputs, subscription, key, around)
    try:
        refused = refusal(inputs, subscription, key, around.customers.get(subscription.payer()))
        if refused is not None:
            return [], refused
        if (gone_there := canceled_in_stripe(inputs, key)) is not None:
            return [cancellation(inputs, subscription, gone_there)], None
        lines = items(subscription, around.catalog)
        made = claim(inputs, subscription, key, lines, around)
        if key not in inputs.links.ids:
            refused = not_yet_chargeable(inputs, subscription) or beyond_stripe(inputs, subscription, lines, around)
    except RowFailed as failure:
        refused = status(inputs, subscription, Status.ERROR, Reason(failure.reason), failure.detail)
    return ([], refused) if refused is not None else (made, None)


def status(
    inputs: Inputs, subscription: Subscription, status: Status, reason: Reason, detail: str = ""
) -> EntityStatus:
    key = inputs.link_key("subscription", subscription.subscription_id)
    return EntityStatus("subscription", subscription.subscription_id, status, reason, detail, inputs.links.ids.get(key))


def ending(
    inputs: Inputs, subscription: Subscription, key: str, around: Around
) -> tuple[list[Claim], EntityStatus | None]:
    """One that ended, or is no longer paid for, wants its Stripe subscription canceled, unless its fate is another."""
    found = around.fates.get(subscription.subscription_id)
    if found is None or found.kind == "moves":
        return [], status(inputs, subscription, Status.NO_SYNC_REQUIRED, Reason.ENDED)
    frozen = found.kind == "frozen"
    environment = inputs.environment
    facts = {
        "why": found.why,
        "frozen": frozen,
        "cancel": {"invoice_now": environment.cancel_invoice_now, "prorate": environment.cancel_prorate},
    }
    claim = Claim(
        SUBSCRIPTION, key, {"status": "canceled"}, ("subscription", subscription.subscription_id), facts=facts
    )
    reason = Reason.FROZEN if frozen else Reason.WAITS_FOR_WRITE
    return [claim], status(inputs, subscription, Status.PENDING, reason, found.why)


def refusal(inputs: Inputs, subscription: Subscription, key: str, customer: EntityStatus | None) -> EntityStatus | None:
    """Why Stripe does not bill a living subscription, if so. The first that holds counts."""

    def no(kind: Status, reason: Reason, detail: str = "") -> EntityStatus:
        return status(inputs, subscription, kind, reason, detail)

    linked = inputs.links.ids.get(key)
    if subscription.is_free():
        return no(Status.NO_SYNC_REQUIRED, Reason.FREE)
    if subscription.is_custom():
        return no(Status.NO_SYNC_REQUIRED, Reason.CUSTOM_PRICE)
    if subscription.status == "IN_TRIAL":
        return no(Status.NO_SYNC_REQUIRED, Reason.TRIAL)
    if subscription.status in NOT_YET:
        return no(Status.PENDING, NOT_YET[subscription.status])
    if subscription.status != "ACTIVE":
        return no(Status.ERROR, Reason.UNKNOWN_STATUS, f"Stigg's status {subscription.status} is unknown.")
    if canceled_in_stripe(inputs, key) is not None:
        return None  # what is free or custom by now was canceled by us, and lives on in Stigg
    if linked is None and not inputs.environment.sync_subscriptions:
        return no(Status.NO_SYNC_REQUIRED, Reason.SUBSCRIPTION_SYNC_OFF)
    if linked is None and key in inputs.candidates:
        return no(Status.PENDING, Reason.CANDIDATE, inputs.candidates[key])
    if customer is not None and customer.reason is Reason.CANDIDATE:
        return no(Status.PENDING, Reason.CANDIDATE, f"Its customer waits for a person: {customer.detail}")
    if customer is None:
        return no(Status.ERROR, Reason.CUSTOMER_MISSING, f"Stigg shows no customer {subscription.payer()}.")
    if customer.reason is Reason.CUSTOMER_SYNC_OFF or customer.status is Status.ERROR:
        return no(customer.status, customer.reason, customer.detail)
    return gone(inputs, subscription, linked) if linked is not None else None


def canceled_in_stripe(inputs: Inputs, key: str) -> StripeSubscription | None:
    """The linked Stripe subscription where it is canceled beyond doubt: Stripe shows it, and it was billed once.

    One whose first payment was never made (``incomplete_expired``), and one that is not shown, decide nothing.
    """
    found = inputs.stripe.subscriptions.get(inputs.links.ids.get(key, ""))
    return found if found is not None and found.status == "canceled" else None


def cancellation(inputs: Inputs, subscription: Subscription, gone_there: StripeSubscription) -> Claim:
    """What is canceled in Stripe is to be canceled in Stigg (BILLING 7)."""
    key = stigg_key(inputs, subscription)
    entity = ("subscription", subscription.subscription_id)
    return Claim(STIGG_SUBSCRIPTION, key, {"ended": True}, entity, facts={"stripe_id": gone_there.id})


def stigg_key(inputs: Inputs, subscription: Subscription) -> str:
    return inputs.link_key(STIGG_SUBSCRIPTION, subscription.subscription_id)


def in_stigg(inputs: Inputs) -> Iterator[Claim]:
    """The other side of cancellations: the living subscriptions of Stigg's whose Stripe subscription is canceled."""
    for subscription in inputs.stigg.subscriptions:
        key = inputs.link_key("subscription", subscription.subscription_id)
        gone_there = canceled_in_stripe(inputs, key)
        if subscription.status not in ENDED and gone_there is not None:
            facts = {"customer": inputs.link_key("customer", subscription.payer())}
            yield Claim(STIGG_SUBSCRIPTION, stigg_key(inputs, subscription), {}, stripe_id=gone_there.id, facts=facts)


def gone(inputs: Inputs, subscription: Subscription, linked: str) -> EntityStatus | None:
    """A linked subscription that Stripe no longer bills is never made again by itself."""
    found = inputs.stripe.subscriptions.get(linked)
    if found is None or found.status in GONE:
        detail = f"{linked} is gone in Stripe and active in Stigg; cancel it in Stigg, or unlink it."
        return status(inputs, subscription, Status.ERROR, Reason.CANCELED_IN_STRIPE, detail)
    return None


def claim(inputs: Inputs, subscription: Subscription, key: str, lines: list[Line], around: Around) -> list[Claim]:
    """What Stripe should bill, with the coupons that it alone has. Raises RowFailed where it cannot be known."""
    method = subscription.payment_collection_method
    if method not in COLLECTION:
        raise RowFailed(
            "NEEDS_A_PERSON",
            f"Stigg collects by {method}, which has no counterpart in Stripe; choose CHARGE or INVOICE.",
        )
    held = inputs.stripe.subscriptions.get(inputs.links.ids.get(key, ""))
    known = known_discounts(inputs, held, key)
    found = coupons.discounts(inputs, subscription, around.catalog_coupons, known)
    charged_once = [(v, quantity) for v, quantity in lines if v.once]
    once = {*found.once, *(once_token(v) for v, _ in charged_once)}
    if len(once) > MAX_ONCE:
        raise RowFailed("TOO_MUCH_ONCE", f"It has {len(once)} coupons and one-off charges; {MAX_ONCE} can be kept.")
    check_lines(inputs, lines, held)
    collection = COLLECTION[method]
    end = ends_at(inputs, subscription)
    document = compact(
        {
            "customer": inputs.link_key("customer", subscription.payer()),
            "items": item_documents([line for line in lines if not line[0].once]),
            "collection_method": collection,
            "days_until_due": str(inputs.environment.days_until_due) if collection == "send_invoice" else None,
            "discounts": list(found.refs),
            "once": sorted(once),
            "cancel_at": str(end) if end else None,
            "automatic_tax": True if inputs.environment.tax else None,
            "metadata": own_metadata(inputs, "subscription", subscription.subscription_id, key),
        }
    )
    facts = {
        "start": start(inputs, subscription),
        "changed_at": changed_at(subscription, around.catalog.versions),
        "attach": dict(found.coupons),
        "one_off": {} if known.untold else one_off_items(charged_once, known.once),
        "usage": sorted(v.key for v, _ in lines if v.usage),
    }
    entity = ("subscription", subscription.subscription_id)
    return [Claim(SUBSCRIPTION, key, document, entity, facts=facts), *found.own]


def known_discounts(inputs: Inputs, held: StripeSubscription | None, key: str) -> coupons.Known:
    """The discounts and the tokens of the Stripe subscription; one without our mark was made by somebody else."""
    if held is None:
        return coupons.Known({})
    reading = Reading(inputs.links.keys, inputs.signer, retired=inputs.links.retired)
    live = {}
    for discount in expanded(held):
        ref, id = reading.ref_of(discount), discount.source.coupon_id() or ""
        if ref is not None:
            live[ref] = inputs.links.keys.get(id) or inputs.links.retired.get(id) or ""
    proven = inputs.signer.key_of(held.metadata.get("stiggSyncKey")) is not None
    return coupons.Known(live, tuple(once_of(held.metadata)), untold=not proven)


def once_token(v: PriceVersion) -> str:
    """What names a one-off charge in the life of a subscription."""
    return coupons.once_token("charge", v.key)


def one_off_items(charged: list[Line], done: object) -> dict[str, dict[str, str]]:
    """One-off charges that were not charged yet: price version and quantity by token."""
    given = set(done if isinstance(done, tuple) else ())
    return {
        once_token(v): {"price": v.key, "quantity": str(quantity)}
        for v, quantity in charged
        if once_token(v) not in given
    }


def check_lines(inputs: Inputs, lines: list[Line], held: StripeSubscription | None) -> None:
    """Raises RowFailed for what Stripe would refuse: several currencies, more than 20 items with the foreign ones."""
    currencies = {version.currency for version, _ in lines}
    if len(currencies) > 1:
        raise RowFailed("MIXED_CURRENCIES", f"Its prices are in {', '.join(sorted(currencies))}; Stripe bills one.")
    own = {version.key for version, _ in lines if not version.once}
    foreign = [i for i in held.items.data if i.price.id not in inputs.links.keys] if held else []
    if len(own) + len(foreign) > MAX_ITEMS:
        others = f" and {len(foreign)} of somebody else's" if foreign else ""
        raise RowFailed("TOO_MANY_ITEMS", f"It has {len(own)} items{others}; Stripe takes {MAX_ITEMS}.")
    if not own:
        raise RowFailed("NO_PRICE", "It has no recurring charge; Stripe bills subscriptions by those.")


def item_documents(lines: list[Line]) -> list[dict[str, str]]:
    """Price version and quantity of each item; two charges at one price are one item."""
    quantities: Counter[str] = Counter()
    for version, quantity in lines:
        quantities[version.key] += quantity
    return [{"price": price, "quantity": str(quantities[price])} for price in sorted(quantities)]


def items(subscription: Subscription, catalog: Catalog) -> list[Line]:
    """(price version, quantity) of each charge; free add-on units are subtracted, usage is anchored by one."""
    free = {item.addon_id: item.quantity for item in subscription.free_items or ()}
    lines: list[Line] = []
    for part in subscription.prices or ():
        if part.price is None:
            raise RowFailed("NO_PRICE", "Stigg shows a charge of this subscription without its price.")
        version = lookup(part.price.id, catalog)
        per_unit = part.price.feature is not None and not version.usage
        units = part.usage_limit if per_unit else Decimal(1)
        lines.append((version, whole(version, units, "a charge")))
    for addon in subscription.addons or ():
        if addon.price is None:
            raise RowFailed("NO_PRICE", f"Stigg shows the add-on {addon.addon.ref_id} without its price.")
        quantity = max(Decimal(0), addon.quantity - free.get(addon.addon.ref_id, Decimal(0)))
        if quantity:
            version = lookup(addon.price.id, catalog)
            lines.append((version, whole(version, quantity, f"the add-on {addon.addon.ref_id}")))
    lines += minimum_line(subscription, catalog)
    if not lines:
        raise RowFailed("NO_PRICE", "It is paid, and Stigg shows no price of it.")
    return lines


def minimum_line(subscription: Subscription, catalog: Catalog) -> Iterator[Line]:
    """The minimum spend that is charged in advance, where Stigg shows it beside the charges and not among them."""
    minimum = subscription.minimum_spend
    among = any(part.billing_model == "MINIMUM_SPEND" for part in subscription.prices or ())
    if minimum is None or among or not subscription.billing_period or not minimum.minimum.amount:
        return
    period, plan = subscription.billing_period, subscription.plan
    if minimum.is_override:
        yield lookup(minimum_id(period, subscription.subscription_id), catalog), 1
    else:
        yield lookup(minimum_id(period, "plan", plan.ref_id, plan.version_number), catalog), 1


def lookup(price_id: str, catalog: Catalog) -> PriceVersion:
    """The version of one of Stigg's prices. Raises RowFailed with the reason for which there is none."""
    if price_id in catalog.versions:
        return catalog.versions[price_id]
    failure = catalog.failures.get(price_id)
    if failure is not None:
        raise RowFailed(failure.reason, failure.detail)
    raise RowFailed("NO_PRICE", f"Stigg's price {price_id} is of no plan or add-on that can be synced.")


def whole(version: PriceVersion, units: Decimal | None, what: str) -> int:
    """The quantity of an item in Stripe: whole units, or whole blocks of them."""
    quantity = version.quantity(units) if units is not None else None
    if quantity is None or quantity != quantity.to_integral_value() or quantity < 0:
        raise RowFailed("BAD_AMOUNT", f"The quantity of {what} is {units}; Stripe bills whole units.")
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


def ends_at(inputs: Inputs, subscription: Subscription) -> int | None:
    """When a subscription that lives will end, Unix seconds: cancelled for a date or for the end of its period."""
    moments = [m for m in (subscription.cancellation_date, subscription.effective_end_date) if m is not None]
    future = [m for m in moments if m > inputs.now]
    return epoch(min(future)) if future else None


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


def beyond_stripe(inputs: Inputs, subscription: Subscription, lines: list[Line], around: Around) -> EntityStatus | None:
    """A new subscription that Stripe would refuse: another currency than its customer's, or one too many."""
    linked = inputs.links.ids.get(inputs.link_key("customer", subscription.payer()))
    customer = inputs.stripe.customers.get(linked) if linked else None
    if customer is None:
        return None
    currency = lines[0][0].currency
    if customer.currency not in (None, currency):
        detail = f"Its prices are in {currency}, and Stripe bills its customer in {customer.currency}."
        return status(inputs, subscription, Status.ERROR, Reason.MIXED_CURRENCIES, detail)
    if around.living.get(customer.id, 0) >= MAX_SUBSCRIPTIONS:
        detail = (
            f"Its customer has {around.living[customer.id]} subscriptions in Stripe, which takes {MAX_SUBSCRIPTIONS}."
        )
        return status(inputs, subscription, Status.ERROR, Reason.TOO_MANY_SUBSCRIPTIONS, detail)
    return None

"""A checkout request as the subscription that Stigg will have, so that the same code prices both.

Pure. Every refusal names the requested object and the way out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from stripe_sync.core.errors import ConfigurationError
from stripe_sync.domain.model.inputs import Inputs
from stripe_sync.domain.model.stigg import (
    CustomerRef,
    Package,
    PlanRef,
    Price,
    Ref,
    Resource,
    Subscription,
    SubscriptionAddon,
    SubscriptionCoupon,
    SubscriptionPrice,
)
from stripe_sync.domain.model.stigg_status import CouponStatus, PackageStatus, StiggStatus

STAMP = "%Y-%m-%dT%H:%M:%S.000Z"
PERIODS = ("MONTHLY", "ANNUALLY")


class CheckoutRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A purchase on a checkout page. ``customer``, ``plan``, ``addons`` and ``coupon`` are Stigg's ids, ``quantities`` by feature.

    ``subscription`` is the id that Stigg's subscription will have: the same id again gives the same page.
    ``trial_days`` is the plan's own trial where it is left out. No trial is sold yet (BILLING 14): ``trial_note`` says so.
    """

    customer: str
    plan: str
    success_url: str
    subscription: str
    cancel_url: str = ""
    period: str = "MONTHLY"
    quantities: dict[str, int] = {}
    addons: dict[str, int] = {}
    coupon: str = ""
    country: str = ""
    resource: str = ""
    trial_days: int | None = None


def as_subscription(inputs: Inputs, request: CheckoutRequest) -> Subscription:
    """The subscription that Stigg is going to have. Raises ConfigurationError for what cannot be sold."""
    if request.period not in PERIODS:
        raise ConfigurationError(f"There is no period {request.period}; periods are {', '.join(PERIODS)}.")
    plan = published(inputs.stigg.plans, "plan", request.plan)
    if plan.pricing_type != "PAID":
        raise ConfigurationError(f"The plan {plan.ref_id} is {plan.pricing_type}; only paid plans are checked out.")
    chosen = [*offered(plan.prices, request), *offered(plan.overage_prices, request)]
    if not chosen:
        raise ConfigurationError(
            f"The plan {plan.ref_id} has no price for {request.period} {request.country}.".rstrip()
        )
    minimum = next((m for m in plan.minimum_spend or () if m.billing_period in (None, request.period)), None)
    addons = [AddonCharges.of(inputs, ref, request) for ref in sorted(request.addons)]
    sold = [
        *((f"plan {plan.ref_id}", price) for price in chosen),
        *(sold for addon in addons for sold in addon.further()),
    ]
    return Subscription(
        subscription_id=request.subscription,
        status=StiggStatus.ACTIVE,
        customer=CustomerRef(request.customer),
        plan=PlanRef(ref_id=plan.ref_id, version_number=plan.version_number, product=plan.product),
        start_date=inputs.now,
        pricing_type="PAID",
        billing_period=request.period,
        payment_collection_method="CHARGE",
        resource=Resource(request.resource) if request.resource else None,
        prices=with_units(sold, request),
        addons=[addon.main() for addon in addons],
        coupons=[applied(inputs, request.coupon)] if request.coupon else [],
        minimum_spend=minimum,
    )


def published(packages: Sequence[Package], kind: str, ref: str) -> Package:
    """The version of a plan or add-on that is sold now."""
    found = next((p for p in packages if p.ref_id == ref and p.is_latest and p.status == PackageStatus.PUBLISHED), None)
    if found is None:
        raise ConfigurationError(f"Stigg shows no published {kind} {ref} as of the last run; reconcile if it is new.")
    return found


def offered(prices: Iterable[Price] | None, request: CheckoutRequest) -> list[Price]:
    """One price a charge: of the period, of the country where it has one, else the one for everywhere."""
    best: dict[tuple[Any, ...], Price] = {}
    for price in prices or ():
        if price.billing_cadence != "ONE_OFF" and price.billing_period != request.period:
            continue
        if price.billing_country_code not in (None, request.country or None):
            continue
        charge = (price.feature.ref_id if price.feature else None, price.billing_model, price.billing_cadence)
        if charge not in best or price.billing_country_code is not None:
            best[charge] = price
    return list(best.values())


def with_units(sold: Iterable[tuple[str, Price]], request: CheckoutRequest) -> list[SubscriptionPrice]:
    """Return charges with their committed units, from (package, price); each committed feature requires a quantity.

    Raises ConfigurationError for a quantity that is missing, negative, or of a feature without a committed charge.
    """
    parts, named = [], set()
    for package, price in sold:
        ref = price.feature.ref_id if price.feature else ""
        committed = ref and price.billing_model != "USAGE_BASED"
        if committed and ref not in request.quantities:
            raise ConfigurationError(f"The {package} is sold by {ref}; say how many, such as {ref}=1.")
        named |= {ref} if committed else set()
        units = Decimal(request.quantities[ref]) if committed else None
        parts.append(SubscriptionPrice(price=price, usage_limit=units, billing_model=price.billing_model))
    if wrong := sorted(set(request.quantities) - named):
        raise ConfigurationError(
            f"There is no committed charge for {', '.join(wrong)} in the plan {request.plan} and the add-ons."
        )
    if any(quantity < 0 for quantity in [*request.quantities.values(), *request.addons.values()]):
        raise ConfigurationError("Quantities are whole numbers, 0 and more.")
    return parts


@dataclass(frozen=True)
class AddonCharges:
    """The charges of an add-on that is bought ``quantity`` times.

    Stigg's add-on of a subscription names one price; the further ones are among the subscription's own (open question
    ``addon_charges``): a fee once, and a committed charge by the quantity of its feature.
    """

    addon: Ref
    quantity: int
    prices: Sequence[Price]

    @classmethod
    def of(cls, inputs: Inputs, ref: str, request: CheckoutRequest) -> AddonCharges:
        """Return the charges of a published add-on. Raises ConfigurationError where it has none for the period and country."""
        package = published(inputs.stigg.addons, "add-on", ref)
        prices = [*offered(package.prices, request), *offered(package.overage_prices, request)]
        if not prices:
            raise ConfigurationError(f"The add-on {ref} has no price for {request.period} {request.country}.".rstrip())
        return cls(Ref(ref_id=ref, version_number=package.version_number), request.addons[ref], prices)

    def main(self) -> SubscriptionAddon:
        """Return the add-on with its first charge, of which the subscription has ``quantity``."""
        return SubscriptionAddon(addon=self.addon, quantity=Decimal(self.quantity), price=self.prices[0])

    def further(self) -> list[tuple[str, Price]]:
        """Return the other charges as (package, price)."""
        return [(f"add-on {self.addon.ref_id}", price) for price in self.prices[1:]] if self.quantity else []


def applied(inputs: Inputs, ref: str) -> SubscriptionCoupon:
    """The catalog's coupon, as it is applied."""
    found = next((c for c in inputs.stigg.coupons if c.ref_id == ref and c.status == CouponStatus.ACTIVE), None)
    if found is None:
        raise ConfigurationError(f"Stigg shows no active coupon {ref} as of the last run; reconcile if it is new.")
    return SubscriptionCoupon(
        ref_id=ref,
        type=found.type,
        name=found.name,
        percent_off=found.percent_off,
        amounts_off=found.amounts_off,
        duration_in_months=found.duration_in_months,
        start_date=inputs.now,
    )


def trial_note(inputs: Inputs, request: CheckoutRequest) -> str | None:
    """Return the sentence about a trial that is requested, or the plan's own, and not sold; None without one."""
    days = unsold_trial_days(inputs, request)
    if not days:
        return None
    return (
        f"Checkout sells no trials yet: the page sells {request.plan} without the trial of {days} days, and the first payment "
        "is due at once."
    )


def unsold_trial_days(inputs: Inputs, request: CheckoutRequest) -> int:
    """Return the days of the trial as requested, else the plan's own; a month counts as 30 days."""
    if request.trial_days is not None:
        if not 0 <= request.trial_days <= 730:
            raise ConfigurationError("A trial takes 0 to 730 days.")
        return request.trial_days
    plan = next((p for p in inputs.stigg.plans if p.ref_id == request.plan and p.is_latest), None)
    config = plan.default_trial_config if plan is not None else None
    return int(config.duration * (30 if config.units == "MONTH" else 1)) if config is not None else 0


def provision(
    request: Mapping[str, Any], *, billing_id: str, start: datetime, trial_end: datetime | None
) -> dict[str, Any]:
    """Stigg's ``ProvisionSubscriptionInput`` for a request that was paid: the same id, the same things. Times are UTC."""
    given: dict[str, Any] = {
        "customerId": request["customer"],
        "planId": request["plan"],
        "subscriptionId": request["subscription"],
        "billingId": billing_id,
        "billingPeriod": request["period"],
        "billableFeatures": [{"featureId": f, "quantity": q} for f, q in sorted(request["quantities"].items())],
        "addons": [{"addonId": ref, "quantity": q} for ref, q in sorted(request["addons"].items())],
        "paymentCollectionMethod": "CHARGE",
        "startDate": f"{start:{STAMP}}",
        "skipTrial": trial_end is None,
    }
    if request["coupon"]:
        given["appliedCoupon"] = {"couponId": request["coupon"]}
    if request["country"]:
        given["billingCountryCode"] = request["country"]
    if request["resource"]:
        given["resourceId"] = request["resource"]
    if trial_end is not None:
        given["trialOverrideConfiguration"] = {
            "isTrial": True,
            "trialEndDate": f"{trial_end:{STAMP}}",
            "trialEndBehavior": "CONVERT_TO_PAID",
        }
    return given

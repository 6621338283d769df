"""Provisioning: what Stigg makes of a customer, a plan, quantities and add-ons, without a billing integration of its own."""

from __future__ import annotations

import uuid

from sandbox.billing.periods import shift
from sandbox.world.refusal import NotModelled, StiggRefusal
from sandbox.world.state import Obj, World, iso, parse_time

UNDERSTOOD = {
    "customerId", "planId", "subscriptionId", "billingId", "billingPeriod", "billableFeatures", "addons",
    "appliedCoupon", "billingCountryCode", "paymentCollectionMethod", "resourceId", "skipTrial", "startDate",
    "trialOverrideConfiguration",
}  # fmt: skip


def checked(world: World, given: Obj) -> None:
    """Refuse what Stigg refuses: a customer that it does not have, an id that is taken."""
    for name in set(given) - UNDERSTOOD:
        raise NotModelled(f"provisionSubscriptionV2: {name}")
    if not any(c["customerId"] == given["customerId"] for c in world.stigg["customers"]):
        raise StiggRefusal(f"Customer not found: {given['customerId']}", code="CustomerNotFound")
    if any(s["subscriptionId"] == given.get("subscriptionId") for s in world.stigg["subscriptions"]):
        raise StiggRefusal("Subscription id is taken", code="DuplicatedEntityNotAllowed")


def made(world: World, given: Obj) -> Obj:
    """Return the subscription that a provisioning makes: ACTIVE, or IN_TRIAL until its end. It is not kept yet."""
    plan = latest(world, "plans", given["planId"], "PlanNotFound")
    start = parse_time(given["startDate"]) if given.get("startDate") else world.now
    period = given.get("billingPeriod", "MONTHLY")
    billing_interval = {"interval": "year" if period == "ANNUALLY" else "month", "interval_count": 1}
    trial = given.get("trialOverrideConfiguration") or {}
    end = trial.get("trialEndDate") if trial.get("isTrial") else None
    anchor = parse_time(end) if end else start
    id = given.get("subscriptionId") or f"subscription-{len(world.stigg['subscriptions'])}"
    row: Obj = {
        "id": made_id(id), "subscriptionId": id, "status": "IN_TRIAL" if end else "ACTIVE", "pricingType": plan["pricingType"],
        "isCustomPriceSubscription": plan["pricingType"] == "CUSTOM", "paymentCollection": "NOT_REQUIRED", "billingId": given.get("billingId"),
        "paymentCollectionMethod": given.get("paymentCollectionMethod") or "CHARGE", "billingPeriod": period,
        "startDate": iso(start), "createdAt": iso(world.now), "updatedAt": iso(world.now),
        "billingCycleAnchor": iso(anchor), "currentBillingPeriodStart": iso(start),
        "currentBillingPeriodEnd": iso(anchor if end else shift(start, billing_interval, 1)), "trialEndDate": end,
        "wasInTrial": bool(end), "customer": {"customerId": given["customerId"]},
        "plan": {"refId": plan["refId"], "versionNumber": plan["versionNumber"]},
        "addons": [addon(world, part, given) for part in given.get("addons", [])],
        "prices": [charge(world, id, price, given) for price in [*offered(plan["prices"], given), *further(world, given)]],
        "coupons": [applied(world, given["appliedCoupon"]["couponId"])] if given.get("appliedCoupon") else [],
        "futureUpdates": [],
    }  # fmt: skip
    if given.get("resourceId"):
        row["resource"] = {"resourceId": given["resourceId"]}
    return row


def made_id(*parts: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "/".join(("provisioned", *parts))))


def latest(world: World, collection: str, ref: str, code: str) -> Obj:
    found = next((p for p in world.stigg[collection] if p["refId"] == ref and p.get("isLatest")), None)
    if found is None:
        raise StiggRefusal(f"Not found: {ref}", code=code)
    return found


def offered(prices: list[Obj], given: Obj) -> list[Obj]:
    """Return the prices of the period; of the country's where a charge has one, else those for everywhere."""
    best: dict[object, Obj] = {}
    for price in prices:
        country = price.get("billingCountryCode")
        of_period = (
            price["billingPeriod"] == given.get("billingPeriod", "MONTHLY") or price["billingCadence"] == "ONE_OFF"
        )
        if not of_period or country not in (None, given.get("billingCountryCode")):
            continue
        charge = ((price.get("feature") or {}).get("refId"), price["billingModel"], price["billingCadence"])
        if charge not in best or country:
            best[charge] = price
    return list(best.values())


def charge(world: World, subscription: str, price: Obj, given: Obj) -> Obj:
    feature = (price.get("feature") or {}).get("refId")
    units = {part["featureId"]: part["quantity"] for part in given.get("billableFeatures", [])}
    committed = feature and price["billingModel"] != "USAGE_BASED"
    return {
        "id": made_id(subscription, price["id"]), "billingModel": price["billingModel"], "featureId": feature,
        "usageLimit": units.get(feature, 1) if committed else None, "price": {"id": price["id"]},
        "updatedAt": iso(world.now),
    }  # fmt: skip


def addon(world: World, part: Obj, given: Obj) -> Obj:
    package = latest(world, "addons", part["addonId"], "AddonNotFound")
    (price, *_) = offered(package["prices"], given)
    return {
        "id": made_id(part["addonId"], given["subscriptionId"]), "quantity": part.get("quantity", 1),
        "addon": {"refId": package["refId"], "versionNumber": package["versionNumber"]}, "price": {"id": price["id"]},
        "updatedAt": iso(world.now),
    }  # fmt: skip


def further(world: World, given: Obj) -> list[Obj]:
    """Return the charges of add-ons after each add-on's first, which a subscription has among its own prices."""
    bought = [part["addonId"] for part in given.get("addons", []) if part.get("quantity", 1)]
    return [
        price for ref in bought for price in offered(latest(world, "addons", ref, "AddonNotFound")["prices"], given)[1:]
    ]


def applied(world: World, ref: str) -> Obj:
    found = next((c for c in world.stigg["coupons"] if c["refId"] == ref), None)
    if found is None:
        raise StiggRefusal(f"Coupon not found: {ref}", code="CouponNotFound")
    names = ("refId", "name", "type", "percentOff", "amountsOff", "durationInMonths")
    return {name: found.get(name) for name in names} | {"status": "ACTIVE", "startDate": iso(world.now)}

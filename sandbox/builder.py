"""Builds world documents in the APIs' own shapes; used by the bundled worlds and by the tests."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

from sandbox.billing.periods import shift
from sandbox.world.state import Obj, iso, parse_time

NAMESPACE = uuid.UUID("6d2f3a54-0000-4000-8000-000000000000")
NOW = parse_time("2026-11-16T09:00:00Z")
ACCOUNT = "acct_1SANDBOX000000001"


def uid(*parts: object) -> str:
    """Return the same UUID for the same words."""
    return str(uuid.uuid5(NAMESPACE, ":".join(map(str, parts))))


def flat(amount: float, *, currency: str = "USD", period: str = "MONTHLY", country: str | None = None) -> Obj:
    """Return a flat fee charge, in major units."""
    return charge("FLAT_FEE", amount, currency=currency, period=period, country=country)


def per_unit(
    feature: str, amount: float, *, currency: str = "USD", period: str = "MONTHLY", country: str | None = None
) -> Obj:
    """Return a committed charge a unit of a feature, in major units."""
    return charge("PER_UNIT", amount, currency=currency, period=period, country=country) | {
        "feature": {"refId": feature}
    }


def usage(feature: str, amount: float, *, currency: str = "USD", period: str = "MONTHLY", **more: Any) -> Obj:
    """Return a pay-as-you-go charge a unit of a feature, in major units."""
    row = charge("USAGE_BASED", amount, currency=currency, period=period, country=None)
    return row | {"feature": {"refId": feature}} | more


def tiered(
    feature: str, tiers: list[tuple[float | None, float | None, float | None]], *, mode: str = "GRADUATED",
    model: str = "PER_UNIT", currency: str = "USD", period: str = "MONTHLY", **more: Any,
) -> Obj:  # fmt: skip
    """Return a charge by tiers: (up to, unit price, flat price) each, in major units; None where there is none."""

    def money(amount: float | None) -> Obj | None:
        return None if amount is None else {"amount": amount, "currency": currency}

    rows = [{"upTo": up_to, "unitPrice": money(unit), "flatPrice": money(flat)} for up_to, unit, flat in tiers]
    row = charge(model, 0, currency=currency, period=period, country=None) | {"price": None}
    return row | {"feature": {"refId": feature}, "tiersMode": mode, "tiers": rows} | more


def charge(model: str, amount: float, *, currency: str, period: str, country: str | None) -> Obj:
    return {
        "billingModel": model,
        "billingPeriod": period,
        "billingCadence": "RECURRING",
        "billingCountryCode": country,
        "isOverridePrice": False,
        "price": {"amount": amount, "currency": currency},
    }


class WorldBuilder:
    """Collects objects and makes the document; every call returns the row, so that a test can bend it."""

    def __init__(self, now: int = NOW) -> None:
        self.now = now
        self.stigg: dict[str, Any] = {
            "environment": {
                "id": uid("environment"),
                "slug": "sandbox",
                "displayName": "Sandbox",
                "type": "SANDBOX",
                "isSandbox": True,
                "hardenClientAccessEnabled": False,
                "signingToken": "none",
            },
            **{
                name: []
                for name in (
                    "products",
                    "plans",
                    "addons",
                    "features",
                    "customers",
                    "subscriptions",
                    "coupons",
                    "integrations",
                    "usage",
                    "eventLogs",
                )
            },
        }
        self.stripe: dict[str, Any] = {
            "account": {
                "id": ACCOUNT,
                "country": "US",
                "default_currency": "usd",
                "charges_enabled": True,
                "type": "standard",
            },
            "keys": ["sk_test_sandbox"],
            "customers": [],
            "payment_methods": [],
        }

    def document(self) -> Obj:
        """Return the world document, a copy."""
        stripe = {"history": False, **self.stripe}
        copied: Obj = json.loads(json.dumps({"clock": self.now, "stigg": self.stigg, "stripe": stripe}))
        return copied

    def stamps(self) -> Obj:
        return {"createdAt": iso(self.now - 90 * 86_400), "updatedAt": iso(self.now - 90 * 86_400)}

    def add(self, collection: str, row: Obj) -> Obj:
        self.stigg[collection].append(row)
        return row

    def product(self, ref: str, name: str) -> Obj:
        settings = {
            "subscriptionEndSetup": "CANCEL_SUBSCRIPTION",
            "subscriptionCancellationTime": "END_OF_BILLING_PERIOD",
            "subscriptionStartSetup": "PLAN_SELECTION",
        }
        row = {"id": uid("product", ref), "refId": ref, "displayName": name, "status": "PUBLISHED"}
        return self.add("products", row | {"multipleSubscriptions": False, "productSettings": settings} | self.stamps())

    def feature(self, ref: str, name: str, **more: Any) -> Obj:
        row = {
            "id": uid("feature", ref),
            "refId": ref,
            "displayName": name,
            "featureType": "NUMBER",
            "meterType": "None",
        }
        return self.add("features", row | {"featureStatus": "ACTIVE"} | self.stamps() | more)

    def plan(self, ref: str, name: str, prices: list[Obj], **more: Any) -> Obj:
        return self.package("plans", ref, name, prices, **more)

    def addon(self, ref: str, name: str, prices: list[Obj], **more: Any) -> Obj:
        return self.package("addons", ref, name, prices, **more)

    def package(
        self,
        collection: str,
        ref: str,
        name: str,
        prices: list[Obj],
        *,
        product: str | None = None,
        version: int = 1,
        pricing: str = "PAID",
        latest: bool = True,
        status: str = "PUBLISHED",
    ) -> Obj:
        """Add a version of a plan or add-on; a later latest version replaces the earlier one."""
        for row in self.stigg[collection]:
            if row["refId"] == ref and latest:
                row["isLatest"] = False
        products = self.stigg["products"]
        row = {
            "id": uid(collection, ref, version),
            "refId": ref,
            "displayName": name,
            "status": status,
            "pricingType": pricing,
            "versionNumber": version,
            "isLatest": latest,
            "product": {"refId": product or products[0]["refId"]},
            "prices": [
                price
                | {"id": uid(ref, version, i), "createdAt": iso(self.now), "packageId": uid(collection, ref, version)}
                for i, price in enumerate(prices)
            ],
        }
        return self.add(collection, row | self.stamps())

    def use(self, customer: str, feature: str, value: float, at: int, *, resource: str | None = None) -> Obj:
        """Report usage at a time (Unix seconds), which is added to earlier usage."""
        return self.report(customer, feature, at, resource=resource, value=value)

    def reset(self, customer: str, feature: str, at: int, *, resource: str | None = None) -> Obj:
        """Add a reset of a feature's running value."""
        return self.report(customer, feature, at, resource=resource, reset=True)

    def report(self, customer: str, feature: str, at: int, *, resource: str | None, **what: Any) -> Obj:
        row = {"customerId": customer, "featureId": feature, "resourceId": resource, "timestamp": iso(at)}
        return self.add("usage", row | what)

    def coupon(
        self, ref: str, *, percent: float | None = None, off: dict[str, float] | None = None, **more: Any
    ) -> Obj:
        """Add a coupon to the catalog: a percentage, or amounts in major units by currency."""
        row = {
            "id": uid("coupon", ref),
            "refId": ref,
            "name": ref.title(),
            "type": "PERCENTAGE" if percent is not None else "FIXED",
            "percentOff": percent,
            "amountsOff": [{"currency": c, "amount": a} for c, a in off.items()] if off else None,
            "discountValue": percent or 0,
            "durationInMonths": None,
            "source": "STIGG",
            "status": "ACTIVE",
        }
        return self.add("coupons", row | self.stamps() | more)

    def applied(self, ref: str, *, hours_ago: int = 3, **more: Any) -> Obj:
        """Return the snapshot of a coupon of the catalog that was applied to a subscription."""
        coupon = next(c for c in self.stigg["coupons"] if c["refId"] == ref)
        kept = ("refId", "name", "type", "percentOff", "amountsOff", "durationInMonths")
        row = {"id": uid("applied", ref, hours_ago), "startDate": iso(self.now - hours_ago * 3600), "status": "ACTIVE"}
        return {name: coupon[name] for name in kept} | row | more

    def customer(self, ref: str, name: str | None = None, email: str | None = None, **more: Any) -> Obj:
        row = {
            "id": uid("customer", ref),
            "customerId": ref,
            "name": name,
            "email": email,
            "hasPaymentMethod": False,
            "hasActiveSubscription": True,
        }
        return self.add("customers", row | self.stamps() | more)

    def subscription(
        self,
        ref: str,
        customer: str,
        plan: str,
        *,
        units: dict[str, int] | None = None,
        addons: dict[str, int] | None = None,
        period: str = "MONTHLY",
        hours_ago: int = 3,
        method: str = "INVOICE",
        **more: Any,
    ) -> Obj:
        """Add a subscription that started some hours ago, with committed units by feature."""
        package = next(p for p in self.stigg["plans"] if p["refId"] == plan and p["isLatest"])
        start = self.now - hours_ago * 3600
        billing_interval = {"interval": "year" if period == "ANNUALLY" else "month", "interval_count": 1}
        charges = [
            self.charge_of(ref, price, units or {}) for price in package["prices"] if price["billingPeriod"] == period
        ]
        row = {
            "id": uid("subscription", ref),
            "subscriptionId": ref,
            "status": "ACTIVE",
            "pricingType": package["pricingType"],
            "isCustomPriceSubscription": package["pricingType"] == "CUSTOM",
            "paymentCollection": "NOT_REQUIRED",
            "paymentCollectionMethod": method,
            "billingPeriod": period,
            "startDate": iso(start),
            "createdAt": iso(start),
            "billingCycleAnchor": iso(start),
            "currentBillingPeriodStart": iso(start),
            "currentBillingPeriodEnd": iso(shift(start, billing_interval, 1)),
            "wasInTrial": False,
            "customer": {"customerId": customer},
            "plan": {"refId": plan, "versionNumber": package["versionNumber"]},
            "addons": [self.addon_of(ref, addon, quantity, period) for addon, quantity in (addons or {}).items()],
            "prices": charges,
            "futureUpdates": [],
        }
        return self.add("subscriptions", row | more)

    def charge_of(self, subscription: str, price: Obj, units: dict[str, int]) -> Obj:
        feature = price.get("feature", {}).get("refId")
        return {
            "id": uid("charge", subscription, price["id"]),
            "billingModel": price["billingModel"],
            "featureId": feature,
            "usageLimit": units.get(feature, 1) if feature else None,
            "price": {"id": price["id"]},
            "updatedAt": iso(self.now),
        }

    def addon_of(self, subscription: str, addon: str, quantity: int, period: str) -> Obj:
        package = next(p for p in self.stigg["addons"] if p["refId"] == addon and p["isLatest"])
        price = next(p for p in package["prices"] if p["billingPeriod"] == period)
        return {
            "id": uid("addon", subscription, addon),
            "quantity": quantity,
            "addon": {"refId": addon, "versionNumber": package["versionNumber"]},
            "price": {"id": price["id"]},
            "updatedAt": iso(self.now),
        }

    def stripe_customer(self, id: str, *, card: str | None = "4242", **more: Any) -> Obj:
        """Add a customer that is in Stripe before the first run, with a card unless ``card`` is None."""
        method = f"pm_{id}"
        row: Obj = {
            "id": id, "object": "customer", "address": None, "balance": 0, "created": self.now - 86_400 * 60,
            "currency": None, "default_source": None, "delinquent": False, "description": None, "discount": None,
            "email": None, "invoice_prefix": id[-8:].upper(), "livemode": False, "metadata": {}, "name": None,
            "next_invoice_sequence": 1, "phone": None, "preferred_locales": [], "shipping": None, "tax_exempt": "none",
            "test_clock": None,
            "invoice_settings": {"custom_fields": None, "default_payment_method": method if card else None, "footer": None,
                                 "rendering_options": None},
        }  # fmt: skip
        self.stripe["customers"].append(row | more)
        if card:
            details = {"address": None, "email": None, "name": None, "phone": None, "tax_id": None}
            self.stripe["payment_methods"].append(
                {
                    "id": method,
                    "object": "payment_method",
                    "billing_details": details,
                    "card": {"brand": "visa", "last4": card},
                    "created": self.now,
                    "customer": id,
                    "livemode": False,
                    "metadata": {},
                    "type": "card",
                }
            )
        return row

    def write(self, path: Path) -> None:
        """Write the document as a world file."""
        path.write_text(json.dumps(self.document(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

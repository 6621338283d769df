"""The terms of the last invoice of a subscription: what a renewal at the same moment would have had (BILLING 7).

Pure. A coupon that is deleted or exhausted is replaced by one of the same content, made for this invoice and deleted after it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from stripe_sync.core.decoding import from_stripe
from stripe_sync.domain.actual.taxes import TaxTerms, manual_rates
from stripe_sync.domain.model.stripe_subscriptions import StripeDiscount

OWN = "stripe-sync-final-"


@dataclass(frozen=True)
class RecordedCoupon:
    """The content of one of our coupons as the journal holds it; ``amount_off`` in minor units by currency."""

    percent_off: str | None = None
    amount_off: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class FinalTerms:
    """Parameters of an invoice, in Stripe's words; ``coupons`` are those to be created before it.

    ``source`` is the subscription's ``default_source``, sent where it has no payment method (SB 12.1). ``problem`` is the
    reason why a person has to create the invoice; empty if there is none.
    """

    customer: str
    currency: str
    collection: str
    days_until_due: int | None = None
    payment_method: str | None = None
    source: str | None = None
    automatic_tax: bool = False
    tax_rates: tuple[str, ...] = ()
    discounts: tuple[str, ...] = ()
    coupons: tuple[Mapping[str, Any], ...] = ()
    problem: str = ""

    def after(self) -> dict[str, Any]:
        """Return the content of the action that makes the invoice; ``discounts`` is always there, also empty."""
        found: dict[str, Any] = {
            "customer": self.customer,
            "currency": self.currency,
            "collection_method": self.collection,
            "auto_advance": False,
            "discounts": list(self.discounts),
            "automatic_tax": self.automatic_tax,
        }
        if self.collection == "send_invoice":
            found["days_until_due"] = str(self.days_until_due or 30)
        if self.payment_method:
            found["payment_method"] = self.payment_method
        elif self.source:
            found["source"] = self.source
        if self.tax_rates:
            found["default_tax_rates"] = list(self.tax_rates)
        if self.coupons:
            found["coupons"] = [dict(coupon) for coupon in self.coupons]
        return found


def id_of(value: Any) -> str | None:
    """Return the id of a field that Stripe shows as an id or, expanded, as an object."""
    return str(value["id"]) if isinstance(value, Mapping) else value or None


def final_terms(
    body: Mapping[str, Any],
    *,
    moment: int,
    live: Mapping[str, Mapping[str, Any] | None],
    recorded: Mapping[str, RecordedCoupon],
    key: str,
    inherited: Mapping[str, Any] | None = None,
) -> FinalTerms:
    """Return the terms of a subscription's last invoice.

    ``body`` is Stripe's subscription with its discounts expanded; ``moment`` is the end of the use, Unix seconds;
    ``live`` are the coupons as Stripe has them by id (None: deleted); ``recorded`` is the content of our own by id;
    ``inherited`` is the customer's own discount, which renewals have where the subscription has none.
    """
    discounts, coupons, problem = [], [], money_of_others(body) or paused(body)
    for discount in given(body, inherited, moment):
        id = from_stripe(discount, StripeDiscount).source.coupon_id() or ""
        found = live.get(id)
        if found is not None and found.get("valid", True) and not found.get("deleted"):
            discounts.append(id)
        elif id in recorded:
            coupon = copy_of(recorded[id], body["currency"], f"{key}:{id}")
            coupons.append(coupon)
            discounts.append(coupon["id"])
        else:
            problem = problem or f"Its coupon {id} is deleted or exhausted in Stripe, and its content is not recorded."
    return FinalTerms(
        customer=id_of(body["customer"]) or "",
        currency=body["currency"],
        collection=body["collection_method"],
        days_until_due=body.get("days_until_due"),
        payment_method=id_of(body.get("default_payment_method")),
        source=id_of(body.get("default_source")),
        automatic_tax=bool((body.get("automatic_tax") or {}).get("enabled")),
        tax_rates=manual_rates(from_stripe(body, TaxTerms)),
        discounts=tuple(discounts),
        coupons=tuple(coupons),
        problem=problem,
    )


def without_fixed(terms: FinalTerms, fixed: Collection[str]) -> FinalTerms:
    """Return the terms of an invoice beside the final usage invoice; it is left to a person if a discount is ``fixed``.

    ``fixed`` are the ids of coupons of a fixed amount, which the final usage invoice may take off as well.
    """
    found = [id for id in terms.discounts if id in fixed]
    if terms.problem or not found:
        return terms
    return replace(
        terms, problem=f"Its coupon {found[0]} is a fixed amount, which the final usage invoice may have too."
    )


def fixed_in(terms: FinalTerms, fixed: Collection[str]) -> list[str]:
    """Return the discounts of an invoice that are a fixed amount: ``fixed`` coupons that are live, and those made for it."""
    made = [coupon["id"] for coupon in terms.coupons if "percent_off" not in coupon]
    return [id for id in terms.discounts if id in fixed or id in made]


def given(body: Mapping[str, Any], inherited: Mapping[str, Any] | None, moment: int) -> list[Mapping[str, Any]]:
    """Return the discounts of a renewal at a moment: the subscription's, else the customer's, if it had begun by then."""
    own = living(body.get("discounts") or (), moment)
    return own or living([d for d in (inherited,) if d is not None and int(d.get("start") or 0) <= moment], moment)


def living(discounts: Sequence[Mapping[str, Any]], moment: int) -> list[Mapping[str, Any]]:
    """Return the discounts that a renewal at a moment has: those that have not ended by then."""
    return [d for d in discounts if d.get("end") is None or int(d["end"]) > moment]


def money_of_others(body: Mapping[str, Any]) -> str:
    """Return why the money of an invoice would not be the account's alone; empty where it is."""
    issuer = ((body.get("invoice_settings") or {}).get("issuer") or {}).get("type", "self")
    named = {
        "on_behalf_of": body.get("on_behalf_of"),
        "transfer_data": body.get("transfer_data"),
        "application_fee_percent": body.get("application_fee_percent"),
        "issuer": issuer if issuer != "self" else None,
    }
    found = [name for name, value in named.items() if value]
    return f"It has {', '.join(found)} in Stripe, which our own invoice would not have." if found else ""


def paused(body: Mapping[str, Any]) -> str:
    """Return why nothing is collected: its collection is paused, as a renewal's would be; empty if it is not."""
    behavior = (body.get("pause_collection") or {}).get("behavior")
    return (
        f"Its collection is paused in Stripe ({behavior}), and our own invoice would be collected." if behavior else ""
    )


def with_used_up(body: Mapping[str, Any], used: Sequence[Mapping[str, Any]], moment: int) -> dict[str, Any]:
    """Return a subscription with the discounts that only a renewal after its end has used up: that is not owed.

    ``used`` are the discounts of such invoices, expanded; those that began after ``moment``, Unix seconds, are left out.
    """
    own = list(body.get("discounts") or ())
    known = {d["id"] for d in own}
    back = {d["id"]: d for d in used if d["id"] not in known and int(d.get("start") or 0) <= moment}
    return {**body, "discounts": [*own, *back.values()]}


def copy_of(content: RecordedCoupon, currency: str, key: str) -> dict[str, Any]:
    """Return a coupon of the same content for one invoice; its id is the same in every run."""
    coupon: dict[str, Any] = {"id": OWN + hashlib.sha256(key.encode()).hexdigest()[:24], "duration": "once"}
    if content.percent_off is not None:
        return coupon | {"percent_off": content.percent_off}
    return coupon | {"amount_off": content.amount_off.get(currency, "0"), "currency": currency}

"""Discounts of subscriptions: when they begin and end, and what they take off an invoice's lines."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sandbox.billing.amounts import round_half_up
from sandbox.billing.periods import shift
from sandbox.world.refusal import missing
from sandbox.world.state import Obj, World


def new(world: World, subscription: Obj, coupon_id: str) -> str:
    """A discount of a coupon; its id. A deleted coupon cannot be attached."""
    coupon = world.stripe["coupons"].get(coupon_id)
    if coupon is None:
        raise missing("coupon", coupon_id, param="discounts[0][coupon]", status=400)
    months = coupon["duration_in_months"]
    end = shift(world.now, {"interval": "month"}, months) if months else None
    discount = {
        "id": world.next_id("di"),
        "object": "discount",
        "checkout_session": None,
        "created": world.now,
        "customer": subscription["customer"],
        "customer_account": None,
        "end": end,
        "invoice": None,
        "invoice_item": None,
        "promotion_code": None,
        "source": {"type": "coupon", "coupon": coupon_id},
        "start": world.now,
        "subscription": subscription["id"],
        "subscription_item": None,
        "terms": {name: coupon[name] for name in ("percent_off", "amount_off", "currency", "currency_options")},
    }
    coupon["times_redeemed"] += 1
    world.put("discounts", discount)
    return str(discount["id"])


def chosen(world: World, subscription: Obj, given: Any, *, keep: bool) -> list[str]:
    """The discounts after a write: a list replaces, an empty text clears, nothing changes nothing."""
    if given is None:
        return list(subscription["discounts"])
    if given == "":
        return []
    result = []
    for entry in given:
        if "coupon" in entry:
            result.append(new(world, subscription, entry["coupon"]) if keep else f"preview:{entry['coupon']}")
        elif entry.get("discount") in subscription["discounts"]:
            result.append(entry["discount"])
        else:
            raise missing("discount", str(entry.get("discount")), param="discounts[0][discount]", status=400)
    return result


def terms_of(world: World, id: str) -> Obj:
    """What a discount takes off: the coupon's terms as they were, since a coupon may be deleted."""
    if id.startswith("preview:"):
        return world.stripe["coupons"][id.removeprefix("preview:")]
    terms: Obj = world.stripe["discounts"][id]["terms"]
    return terms


def apply(world: World, ids: list[str], lines: list[Obj], currency: str) -> list[Obj]:
    """Takes the discounts off the lines that may be discounted, one after the other; the sums by discount.

    A percentage is taken of each line and rounded half up; an amount is used up line by line, and what is left is lost.
    """
    sums = []
    for id in ids:
        terms, taken = terms_of(world, id), 0
        left = fixed(terms, currency)
        for line in lines:
            open_amount = line["amount"] - sum(d["amount"] for d in line["discount_amounts"])
            if not line["discountable"] or open_amount <= 0:
                continue
            if terms["percent_off"] is not None:
                off = round_half_up(Decimal(open_amount) * Decimal(str(terms["percent_off"])) / 100)
            else:
                off = min(open_amount, left)
                left -= off
            line["discount_amounts"] = [*line["discount_amounts"], {"amount": off, "discount": id}]
            taken += off
        sums.append({"amount": taken, "discount": id})
    return sums


def fixed(terms: Obj, currency: str) -> int:
    """The fixed amount in the invoice's currency: the coupon's own, or one of its options; else nothing."""
    if terms["amount_off"] is not None and terms["currency"] == currency:
        return int(terms["amount_off"])
    options = terms.get("currency_options") or {}
    return int(options[currency]["amount_off"]) if currency in options else 0


def end_expired(world: World, subscription: Obj, now: int) -> None:
    """Takes off the discounts whose time is over."""
    kept = []
    for id in subscription["discounts"]:
        end = world.stripe["discounts"][id]["end"]
        if end is None or end > now:
            kept.append(id)
    subscription["discounts"] = kept

"""Discounts of subscriptions: start, end, and the amounts by which they lower an invoice's lines."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

from sandbox.billing.amounts import exact_amount, round_half_up
from sandbox.billing.periods import shift
from sandbox.world.refusal import NotModelled, invalid, missing
from sandbox.world.state import Obj, World

TERMS = ("percent_off", "amount_off", "currency", "currency_options", "duration")


def new(world: World, subscription: Obj, coupon_id: str) -> str:
    """Create a discount of a coupon and return its id. A deleted coupon cannot be attached."""
    coupon = coupon_of(world, coupon_id, "discounts[0][coupon]")
    check_redeemable(world, coupon)
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
        "terms": {name: coupon[name] for name in TERMS},
    }
    coupon["times_redeemed"] += 1
    world.put("discounts", discount)
    return str(discount["id"])


def check_redeemable(world: World, coupon: Obj) -> None:
    """Refuse a coupon whose time or number of redemptions is over."""
    if coupon.get("applies_to"):
        raise NotModelled("discounts of a coupon with applies_to")
    most, until = coupon.get("max_redemptions"), coupon.get("redeem_by")
    if (most is not None and coupon["times_redeemed"] >= most) or (until is not None and until <= world.now):
        coupon["valid"] = False
        raise invalid(f"Coupon expired: {coupon['id']}", param="discounts[0][coupon]", code="coupon_expired")


def chosen(world: World, subscription: Obj, given: Any, *, keep: bool) -> list[str]:
    """Return the discounts after a write: a list replaces them, an empty string clears them, None keeps them."""
    if given is None:
        return list(subscription["discounts"])
    if given == "":
        return []
    result = []
    for n, entry in enumerate(given):
        if "promotion_code" in entry:
            check_code(world, entry["promotion_code"], f"discounts[{n}][promotion_code]")
        if "coupon" in entry:
            coupon_of(world, entry["coupon"], f"discounts[{n}][coupon]")
            result.append(new(world, subscription, entry["coupon"]) if keep else f"preview:{entry['coupon']}")
        elif entry.get("discount") in subscription["discounts"]:
            result.append(entry["discount"])
        else:
            raise missing("discount", str(entry.get("discount")), param=f"discounts[{n}][discount]", status=400)
    return result


def check_code(world: World, id: str, param: str) -> None:
    """Refuse an unknown promotion code; discounts of a known one are not modelled."""
    if id not in world.stripe["promotion_codes"]:
        raise missing("promotion code", id, param=param, status=400)
    raise NotModelled("discounts by a promotion code")


def coupon_of(world: World, id: str, param: str) -> Obj:
    """Return the coupon of an id; an unknown and a deleted one are refused."""
    if id not in world.stripe["coupons"]:
        raise missing("coupon", id, param=param, status=400)
    return world.stripe["coupons"][id]


def of_invoices(world: World, subscription: Obj) -> list[str]:
    """Return the ids of the discounts of a subscription's invoices: its own, else the customer's that lives (SB 3.3)."""
    found = world.stripe["customers"][subscription["customer"]].get("discount")
    id = found["id"] if isinstance(found, dict) else found
    if subscription["discounts"] or not id:
        return list(subscription["discounts"])
    end = world.stripe["discounts"][id]["end"]
    return [id] if end is None or end > world.now else []


def terms_of(world: World, id: str) -> Obj:
    """Return the coupon's terms as they were when it was applied, since a coupon may be deleted."""
    if id.startswith("preview:"):
        return world.stripe["coupons"][id.removeprefix("preview:")]
    terms: Obj = world.stripe["discounts"][id]["terms"]
    return terms


def apply(world: World, ids: list[str], lines: list[Obj], currency: str) -> list[Obj]:
    """Apply the discounts to discountable lines in order; return the sums by discount.

    A percentage is taken of each line and rounded half up. An amount is spread over the lines in proportion, each share
    rounded down, and the last line takes what is left (SB 5.3); what is more than the lines is lost.
    """
    sums = []
    for id in ids:
        terms = terms_of(world, id)
        rows = [line for line in lines if line["discountable"] and left_of(line) > 0]
        if terms["percent_off"] is not None:
            share = Decimal(str(terms["percent_off"])) / 100
            taken = [round_half_up(Decimal(left_of(line)) * share) for line in rows]
        else:
            taken = spread(fixed(terms, currency), [left_of(line) for line in rows])
        for line, off in zip(rows, taken, strict=True):
            line["discount_amounts"] = [*line["discount_amounts"], {"amount": off, "discount": id}]
        sums.append({"amount": sum(taken), "discount": id})
    return sums


def left_of(line: Obj) -> int:
    """Return the part of a line's amount that is not discounted yet."""
    return int(line["amount"] - sum(d["amount"] for d in line["discount_amounts"]))


def spread(amount: int, over: list[int]) -> list[int]:
    """Return an amount split in proportion, rounded down, the remainder last; at most the amount itself."""
    whole = sum(over)
    if amount >= whole:
        return list(over)
    shares = [amount * part // whole for part in over]
    return [*shares[:-1], amount - sum(shares[:-1])]


def factor(world: World, subscription: Obj) -> Fraction:
    """Return the share of a proration that its subscription's discounts leave; they are part of its amount (SB 5.5).

    A fixed amount counts in proportion to what all licensed items cost for a period.
    """
    items = [item for item in subscription["items"]["data"] if "quantity" in item]
    whole = sum((Fraction(exact_amount(item["price"], item["quantity"])) for item in items), Fraction(0))
    left = Fraction(1)
    for id in subscription["discounts"]:
        terms = terms_of(world, id)
        if terms["percent_off"] is not None:
            left *= 1 - Fraction(str(terms["percent_off"])) / 100
        elif whole and left:
            left = max(Fraction(0), left - fixed(terms, subscription["currency"]) / whole)
    return left


def consume(world: World, subscription: Obj, subtotal: int) -> None:
    """A ``once`` discount is over with the next invoice, whatever made it (SB 21.5)."""
    if subtotal == 0:
        return
    kept = [id for id in subscription["discounts"] if terms_of(world, id).get("duration") != "once"]
    for id in set(subscription["discounts"]) - set(kept):
        world.stripe["discounts"][id]["end"] = world.now
    subscription["discounts"] = kept


def fixed(terms: Obj, currency: str) -> int:
    """Return the fixed amount in the invoice's currency: the coupon's own, or one of its options; else nothing."""
    if terms["amount_off"] is not None and terms["currency"] == currency:
        return int(terms["amount_off"])
    options = terms.get("currency_options") or {}
    return int(options[currency]["amount_off"]) if currency in options else 0


def is_over(world: World, id: str, moment: int) -> bool:
    """Return whether a discount has expired at a time; one of a preview never has."""
    end = None if id.startswith("preview:") else world.stripe["discounts"][id]["end"]
    return end is not None and end <= moment


def end_expired(world: World, subscription: Obj, now: int) -> None:
    """Remove expired discounts."""
    subscription["discounts"] = [id for id in subscription["discounts"] if not is_over(world, id, now)]

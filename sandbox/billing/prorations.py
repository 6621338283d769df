"""Prorations: credits and charges of a subscription change for the rest of its periods.

The whole item is credited and charged again, by the second (FACTS_A 1-10). Flexible subscriptions credit what was debited,
classic ones the old price. Discounts are inside the amounts.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any

from sandbox.billing import amounts, debits, discounts, periods, texts
from sandbox.billing.lines import subscription_line
from sandbox.world.refusal import invalid
from sandbox.world.state import Obj, World

UNUSED, REMAINING = "Unused", "Remaining"


def is_licensed(item: Obj) -> bool:
    return bool(item["price"]["recurring"]["usage_type"] == "licensed")


def is_flexible(subscription: Obj) -> bool:
    return bool(subscription["billing_mode"]["type"] == "flexible")


def billing_interval_of(item: Obj) -> tuple[str, int]:
    """Return (interval, interval count) of an item."""
    recurring = item["price"]["recurring"]
    return recurring["interval"], recurring.get("interval_count") or 1


def period_share(subscription: Obj, item: Obj, start: int, end: int) -> Fraction:
    """Return [start, end) as a share of an interval: the anchor's if it begins with one, else a virtual one.

    28 February to 31 March is a whole month of an anchor on the 31st.
    """
    begin, stop = grid(subscription, item, start)
    if begin != start:
        stop = periods.shift(start, item["price"]["recurring"], 1)
    return Fraction(end - start, stop - start)


def rounded(world: World, exact: Fraction) -> int:
    """Return a proration's amount in minor units, as the switch ``proration_floors`` says."""
    return amounts.round_proration(exact, floors=world.unknowns["proration_floors"])


def discounted(world: World, subscription: Obj, item: Obj, share: Fraction) -> Fraction:
    """Return the exact amount of an item for a share of its period, with the subscription's discounts inside."""
    factor = discounts.factor(world, subscription)
    return Fraction(amounts.exact_amount(item["price"], item["quantity"])) * share * factor


def proration_lines(world: World, before: Obj, after: Obj, moment: int) -> list[Obj]:
    """Return the lines of a change of items at a moment (Unix seconds): credit first, then the charge, item by item.

    A credit carries ``credits``, the key of the debit that it gives back. Raises StripeRefusal where the moment is outside
    of an item's running period.
    """
    old = {item["id"]: item for item in before["items"]["data"]}
    new = {item["id"]: item for item in after["items"]["data"]}
    found: list[Obj] = []
    for id in [*old, *(i for i in new if i not in old)]:
        was, now = old.get(id), new.get(id)
        if was and now and state(was) == state(now):
            continue
        if was and is_licensed(was):
            check_moment(was, moment)
            found += credits(world, before, was, moment)
        if now and is_licensed(now):
            check_moment(now, moment)
            found += charge(world, after, now, moment)
    return found


def state(item: Obj) -> tuple[Any, ...]:
    """Return the properties of an item whose change is prorated."""
    return item["price"]["id"], item.get("quantity")


def check_moment(item: Obj, moment: int) -> None:
    if not item["current_period_start"] <= moment <= item["current_period_end"]:
        raise invalid("Cannot specify proration date outside of current subscription period", param="proration_date")


def credits(world: World, subscription: Obj, item: Obj, moment: int, *, until: int | None = None) -> list[Obj]:
    """Return credits for the rest of an item's time: a line per debit, or one at the item's price (classic mode)."""
    if is_flexible(subscription):
        found = debits.open_debits(world, subscription, item["id"], moment)
        if found or subscription.get("debits_known"):
            return [credit_of(world, item, debit, moment) for debit in found]
    end = until or item["current_period_end"]
    share = period_share(subscription, item, item["current_period_start"], end)
    share *= Fraction(end - moment, end - item["current_period_start"])
    exact = -discounted(world, subscription, item, share)
    return [proration(world, item, exact, (moment, end), what=UNUSED)]


def credit_of(world: World, item: Obj, debit: debits.Debit, moment: int) -> Obj:
    """Return the line that gives the unused part of a debit back; it names the old price and the debit's line."""
    start, end, exact = debit.unused(moment)
    price = world.stripe["prices"].get(debit.price, item["price"])
    was = item | {"price": price, "quantity": debit.quantity}
    line = proration(world, was, -exact, (start, end), what=UNUSED)
    if debit.line:
        line["parent"]["subscription_item_details"]["proration_details"] = {
            "credited_items": {"invoice": debit.invoice, "invoice_line_items": [debit.line]}
        }
    return line | {"credits": debit.key}


def charge(world: World, subscription: Obj, item: Obj, moment: int) -> list[Obj]:
    """Return the charge for the rest of an item's period; nothing while the subscription is in its trial."""
    start, end = item["current_period_start"], item["current_period_end"]
    if end == moment and start == moment:
        return []
    free = subscription["status"] == "trialing"
    share = Fraction(0) if free else period_share(subscription, item, start, end) * Fraction(end - moment, end - start)
    exact = discounted(world, subscription, item, share)
    return [proration(world, item, exact, (moment, end), what=REMAINING)]


def added_time(world: World, subscription: Obj, item: Obj, period: tuple[int, int]) -> Obj:
    """Return the charge for time by which a running period was made longer (FACTS_B 78): [old end, new end)."""
    start, end = item["current_period_start"], item["current_period_end"]
    share = period_share(subscription, item, start, end) * Fraction(period[1] - period[0], end - start)
    return proration(world, item, discounted(world, subscription, item, share), period, what=REMAINING)


def proration(world: World, item: Obj, exact: Fraction, period: tuple[int, int], *, what: str) -> Obj:
    """Return one line of a proration; its text names the day on which its time begins (FACTS_A 8)."""
    text = texts.prorated(world, item["price"], item["quantity"], what=what, moment=period[0])
    amount = rounded(world, exact)
    return subscription_line(world, item, amount=amount, period=period, proration=True, text=text)


def first_lines(world: World, subscription: Obj, *, whole: bool = False) -> list[Obj]:
    """Return the lines of the first invoice: each licensed item for each of its periods that has begun (SB 11.10).

    ``whole`` charges full prices for a period that ``cancel_at`` cuts short (SB 11.9).
    """
    found: list[Obj] = []
    for item in subscription["items"]["data"]:
        if is_licensed(item):
            for start, end in elapsed(subscription, item):
                cut = whole and end == subscription["cancel_at"]
                found += period_lines(world, subscription, item, (start, end), whole=cut)
    return found


def trial_lines(world: World, subscription: Obj) -> list[Obj]:
    """Return the lines of a trial's first invoice, of 0."""
    found = []
    for item in subscription["items"]["data"]:
        if is_licensed(item):
            period = (item["current_period_start"], item["current_period_end"])
            text = f"Trial period for {texts.product_name(world, item['price'])}"
            found.append(
                subscription_line(world, item, amount=0, period=period, proration=False, text=text, unit=Decimal(0))
            )
    return found


def elapsed(subscription: Obj, item: Obj) -> Iterator[tuple[int, int]]:
    """Yield the periods of an item from its subscription's start on, oldest first; classic mode makes one of them."""
    start, end = subscription["start_date"], item["current_period_end"]
    if not is_flexible(subscription):
        yield (start, end) if item["current_period_start"] <= start else (item["current_period_start"], end)
        return
    while start < item["current_period_start"]:
        _, stop = grid(subscription, item, start)
        yield start, stop
        start = stop
    yield start, end


def grid(subscription: Obj, item: Obj, moment: int) -> tuple[int, int]:
    """Return the period [start, end) that holds a moment, by the subscription's anchor and its day of the month."""
    config = subscription.get("billing_cycle_anchor_config") or {}
    return periods.period_at(
        subscription["billing_cycle_anchor"], item["price"]["recurring"], moment, day=config.get("day_of_month")
    )


def period_lines(
    world: World, subscription: Obj, item: Obj, period: tuple[int, int], *, whole: bool = False
) -> list[Obj]:
    """Return the lines of a licensed item for one period in advance: a tier is a line; a part of a period is prorated.

    ``whole`` charges the full price whatever the period's length is.
    """
    share = Fraction(1) if whole else period_share(subscription, item, *period)
    if share != 1:
        exact = discounted(world, subscription, item, share)
        return [proration(world, item, exact, period, what=REMAINING)]
    return [tier_line(world, item, period, part) for part in amounts.parts(item["price"], item["quantity"])]


def tier_line(world: World, item: Obj, period: tuple[int, int], part: amounts.Part) -> Obj:
    """Return the line of one tier, of a tier's flat fee, or of the whole of a price that has no tiers."""
    price = item["price"]
    counted = "" if part.flat and part.tier else f"{part.quantity:f}"
    text = texts.charged(world, price, counted, part.unit, tier=part.tier)
    amount, quantity = amounts.round_half_up(part.exact), int(part.quantity)
    line = subscription_line(world, item, amount=amount, period=period, proration=False, text=text, unit=part.unit)
    return line | {"quantity": quantity, "quantity_decimal": str(quantity)}


def cycle_lines(world: World, subscription: Obj, items: list[Obj]) -> list[Obj]:
    """Return a renewal's lines for the new periods of licensed items; those of later items come first.

    The order is documented (types, ``Invoice.lines``); items of the same second keep theirs.
    """
    found: list[Obj] = []
    for item in sorted(items, key=lambda item: -item["created"]):
        if is_licensed(item):
            period = (item["current_period_start"], item["current_period_end"])
            found += period_lines(world, subscription, item, period)
    return found

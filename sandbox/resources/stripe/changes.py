"""Updates of a subscription: its new state, credits, charges and immediate invoice.

Nothing is kept here, so that an update can be tried before it is made, and previewed.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

from sandbox.billing import amounts, discounts, metering, prorations
from sandbox.billing.items import begin, with_legacy
from sandbox.resources.stripe import payers, tax, tax_rates
from sandbox.resources.stripe.drafting import NO_DETAILS, check_collection, payment_settings, trial_settings
from sandbox.resources.stripe.items import apply_item, check_items, check_price_currency
from sandbox.resources.stripe.timing import check_end, check_trial, not_in_future, pause_of
from sandbox.world.forms import merge_metadata
from sandbox.world.refusal import invalid, only_one
from sandbox.world.state import Obj, World

NONE, ALWAYS_INVOICE = "none", "always_invoice"


@dataclass
class Change:
    """The subscription after an update; the lines that are invoice items, those of periods that begin, and when.

    ``used`` are lines of metered items that leave. ``at_once`` says whether the update makes an invoice.
    """

    after: Obj
    prorated: list[Obj] = field(default_factory=list)
    full: list[Obj] = field(default_factory=list)
    used: list[Obj] = field(default_factory=list)
    at_once: bool = False


def planned(world: World, subscription: Obj, params: Obj, *, keep: bool) -> Change:
    """Return the change that these parameters make; ``keep`` stores new discounts."""
    after = updated(world, subscription, params, keep=keep)
    behavior = params.get("proration_behavior", "create_prorations")
    if params.get("trial_end") is not None:
        return trial_changed(world, subscription, after, params)
    if resets_anchor(subscription, after, params):
        change = anchored(world, subscription, after, behavior)
    else:
        change = Change(after)
        if behavior != NONE:
            moment = params.get("proration_date", world.now)
            change.prorated = prorations.proration_lines(world, subscription, after, moment)
            change.prorated += end_lines(world, subscription, after)
    change.used = leaving_usage(world, subscription, after, behavior)
    change.at_once |= behavior == ALWAYS_INVOICE and bool(change.prorated or change.used)
    change.after = with_legacy(after)
    return change


def updated(world: World, subscription: Obj, params: Obj, *, keep: bool) -> Obj:
    """Return a copy of the subscription with these parameters applied."""
    result = copy.deepcopy(subscription)
    items = result["items"]["data"]
    with_price = []
    for n, given in enumerate(params.get("items", [])):
        apply_item(world, result, items, given, f"items[{n}]")
        if {"price", "price_data"} & set(given) and not given.get("deleted"):
            item = next((item for item in items if item["id"] == given.get("id")), items[-1])
            check_price_currency(item["price"], result["currency"], f"items[{n}][price]")
            with_price.append(item)
    check_items(items, result["billing_mode"]["type"])
    set_collection(result, params)
    payers.check_method(world, result["customer"], params.get("default_payment_method"))
    for name in ("description", "default_payment_method"):
        if name in params:
            result[name] = params[name] or None
    result["payment_settings"] = payment_settings(result["payment_settings"], params)
    if "trial_settings" in params:
        result["trial_settings"] = trial_settings(params)
    if "pause_collection" in params:
        result["pause_collection"] = pause_of(world, params["pause_collection"] or None)
    set_end(world, result, params)
    comments = params.get(
        "cancellation_details", {}
    )  # documented of an update: the customer's reason for the cancellation
    if comments:
        details = result["cancellation_details"] or NO_DETAILS
        result["cancellation_details"] = details | {name: value or None for name, value in comments.items()}
    if "automatic_tax" in params:
        customer = world.stripe["customers"][result["customer"]]
        result["automatic_tax"] = tax.check_automatic(world, customer, params, items)
    elif result["automatic_tax"]["enabled"]:
        tax.refuse_unspecified(world, with_price)
    if "default_tax_rates" in params:
        result["default_tax_rates"] = tax_rates.chosen(world, params["default_tax_rates"], "default_tax_rates")
    tax.refuse_rates(result["default_tax_rates"], items, automatic=result["automatic_tax"]["enabled"])
    result["discounts"] = discounts.chosen(world, result, params.get("discounts"), keep=keep)
    result["metadata"] = merge_metadata(result["metadata"], params.get("metadata"))
    return with_legacy(result)


def set_collection(result: Obj, params: Obj) -> None:
    """The way of collection and the terms of payment; charging automatically has none."""
    if not {"collection_method", "days_until_due"} & set(params):
        return
    result["collection_method"] = params.get("collection_method", result["collection_method"])
    due = params.get("days_until_due", result["days_until_due"])
    if result["collection_method"] == "charge_automatically" and "days_until_due" not in params:
        due = None
    check_collection({"days_until_due": due}, result["collection_method"])
    result["days_until_due"] = due


def set_end(world: World, result: Obj, params: Obj) -> None:
    """The end that an update sets, moves or takes away; the running periods end there at the latest (SB 21.1)."""
    items = result["items"]["data"]
    if params.get("cancel_at_period_end") and params.get("cancel_at"):
        raise only_one("cancel_at", "cancel_at_period_end")
    if params.get("cancel_at_period_end") is not None:
        on = bool(params["cancel_at_period_end"])
        end = max(item["current_period_end"] for item in items) if on else None
        result["cancel_at_period_end"] = on
    elif "cancel_at" in params:
        end = check_end(world, items, params["cancel_at"])
        result["cancel_at_period_end"] = False
    else:
        return
    resets = world.unknowns["end_removal_resets_anchor"] and result["status"] != "trialing"  # SB 21.2
    if result["cancel_at"] and not end and resets:
        result["billing_cycle_anchor"] = min(item["current_period_start"] for item in items)
    reason = "cancellation_requested" if end else None
    result |= {"cancel_at": end, "canceled_at": world.now if end else None}
    result["cancellation_details"] = (result["cancellation_details"] or NO_DETAILS) | {"reason": reason}
    for item in items if result["status"] != "trialing" else []:
        natural = natural_end(result, item)
        item["current_period_end"] = min(natural, end or natural)


def natural_end(subscription: Obj, item: Obj) -> int:
    """Return the end of an item's running period if nothing cuts it short."""
    anchor = subscription["billing_cycle_anchor"]
    if not prorations.is_flexible(subscription) and item["current_period_start"] < anchor:
        return int(anchor)
    return prorations.grid(subscription, item, item["current_period_start"])[1]


def end_lines(world: World, before: Obj, after: Obj) -> list[Obj]:
    """Credits and charges for periods that became shorter or longer, of items that are otherwise as they were."""
    found: list[Obj] = []
    new = {item["id"]: item for item in after["items"]["data"]}
    for was in before["items"]["data"]:
        now = new.get(was["id"])
        if now is None or prorations.state(was) != prorations.state(now) or not prorations.is_licensed(now):
            continue
        old_end, end = was["current_period_end"], now["current_period_end"]
        if end < old_end:
            found += prorations.credits(world, before, was, end)
        elif end > old_end:
            found.append(prorations.added_time(world, after, now, (old_end, end)))
    return found


def resets_anchor(before: Obj, after: Obj, params: Obj) -> bool:
    """Return whether periods restart now: on request, and in classic mode at a new interval or from zero to paid."""
    requested = params.get("billing_cycle_anchor") or {}
    kind = requested if isinstance(requested, str) else requested.get("type")
    if kind == "now" and "proration_date" in params:
        raise invalid("You cannot specify `proration_date` when `billing_cycle_anchor=now`", param="proration_date")
    if kind in ("now", "unchanged") or prorations.is_flexible(before):
        return kind == "now"
    return billing_intervals(before) != billing_intervals(after) or (is_free(before) and not is_free(after))


def billing_intervals(subscription: Obj) -> set[tuple[str, int]]:
    return {prorations.billing_interval_of(item) for item in subscription["items"]["data"]}


def is_free(subscription: Obj) -> bool:
    """Return whether the licensed items of a subscription cost nothing."""
    items = [item for item in subscription["items"]["data"] if prorations.is_licensed(item)]
    return all(amounts.exact_amount(item["price"], item["quantity"]) == 0 for item in items)


def anchored(world: World, before: Obj, after: Obj, behavior: str) -> Change:
    """Periods that begin now. Flexible: what did not change is charged for the added time alone (FACTS_B 77, 78).

    Classic: everything is credited and charged for a whole new period, by an invoice at once.
    """
    begin(after, world.now)
    old = {item["id"]: item for item in before["items"]["data"]}
    if not prorations.is_flexible(before):
        unused = [] if behavior == NONE else unused_lines(world, before)
        return Change(after, unused, prorations.cycle_lines(world, after, after["items"]["data"]), at_once=True)
    if behavior == NONE:
        return Change(after)
    lines = prorations.proration_lines(world, before, after, world.now)
    for item in after["items"]["data"]:
        was = old.get(item["id"])
        if was and prorations.state(was) == prorations.state(item) and prorations.is_licensed(item):
            longer = (was["current_period_end"], item["current_period_end"])
            if longer[1] >= longer[0]:
                lines.append(prorations.added_time(world, after, item, longer))
    return Change(after, lines)


def unused_lines(world: World, before: Obj) -> list[Obj]:
    """Return the credits for everything that is licensed, from now on."""
    items = [item for item in before["items"]["data"] if prorations.is_licensed(item)]
    return [line for item in items for line in prorations.credits(world, before, item, world.now)]


def trial_changed(world: World, before: Obj, after: Obj, params: Obj) -> Change:
    """Change a trial: one that ends now bills its first period (FACTS_A 48), one with a new end bills nothing."""
    end = params["trial_end"]
    if end == "now":
        if before["status"] != "trialing":
            return Change(after)
        begin(after, world.now)
        after |= {"status": "active", "trial_end": world.now - 1}
        return Change(
            with_legacy(after), full=prorations.cycle_lines(world, after, after["items"]["data"]), at_once=True
        )
    if end <= world.now:
        raise not_in_future("trial_end", end)
    check_trial(world, end)
    after |= {"status": "trialing", "trial_end": end, "billing_cycle_anchor": end}
    after["trial_start"] = before["trial_start"] or world.now
    for item in after["items"]["data"]:
        item["current_period_end"] = end
    return Change(with_legacy(after), unused_lines(world, before) if before["status"] != "trialing" else [])


def leaving_usage(world: World, before: Obj, after: Obj, behavior: str) -> list[Obj]:
    """Return usage lines of metered items that are removed or change their price, where these are billed (SB 4.11, C7).

    It is lost without proration, in classic mode, and as the switch ``removed_meter_bills`` says.
    """
    if behavior == NONE or not prorations.is_flexible(before) or not world.unknowns["removed_meter_bills"]:
        return []
    kept = {(item["id"], item["price"]["id"]) for item in after["items"]["data"]}
    found = []
    for item in before["items"]["data"]:
        if metering.is_metered(item["price"]) and (item["id"], item["price"]["id"]) not in kept:
            start = metering.counted_from(item)
            found += metering.ended_lines(world, before["customer"], item, start, world.now)
    return [line for line in found if line["amount"]]

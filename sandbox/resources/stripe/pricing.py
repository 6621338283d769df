"""New prices before they are stored: amounts, billing interval and validation."""

from __future__ import annotations

from sandbox.resources.stripe.objects import get
from sandbox.resources.stripe.price_amounts import UNSET, amounts, currency_options, tiers
from sandbox.world import currencies
from sandbox.world.forms import merge_metadata
from sandbox.world.refusal import invalid
from sandbox.world.state import Obj, World

# Three years at most: in days, weeks, months and years.
LONGEST = {"day": 1095, "week": 156, "month": 36, "year": 3}


def new_price(world: World, params: Obj, product: str, within: str = "") -> Obj:
    """Return the price that these parameters make, not yet kept; ``within`` names the object that they are part of."""
    currency = currencies.check(params["currency"], f"{within}[currency]" if within else "currency")
    scheme = params.get("billing_scheme", "per_unit")
    if scheme == "tiered" and "recurring" not in params:
        raise invalid("Prices with `type=one_time` are not supported with tiered billing.", param="interval")
    if params.get("transform_quantity") and scheme == "tiered":
        raise invalid("You cannot combine transform_quantity with tiers", param="transform_quantity")
    billing_interval = recurring(world, params)
    if billing_interval and params.get("custom_unit_amount"):
        raise invalid("`custom_unit_amount` is of one-time prices only.", param="custom_unit_amount")
    figures = UNSET if scheme == "tiered" else amounts(params | {"currency": currency})
    return figures | {
        "id": world.next_id("price"),
        "object": "price",
        "active": params.get("active", True),
        "billing_scheme": scheme,
        "created": world.now,
        "currency": currency,
        "currency_options": currency_options(params, currency),
        "livemode": False,
        "lookup_key": None,
        "metadata": merge_metadata({}, params.get("metadata")),
        "nickname": params.get("nickname"),
        "product": product,
        "recurring": billing_interval,
        "tax_behavior": params.get("tax_behavior", "unspecified"),
        "tiers": tiers(params) if scheme == "tiered" else None,
        "tiers_mode": params.get("tiers_mode"),
        "transform_quantity": params.get("transform_quantity"),
        "type": "recurring" if billing_interval else "one_time",
    }


def recurring(world: World, params: Obj) -> Obj | None:
    """Return how often a price is charged. A metered price is of a meter that is active, and no other has one."""
    given = params.get("recurring")
    if given is None:
        return None
    check_interval(given["interval"], given.get("interval_count", 1))
    usage_type, meter = given.get("usage_type", "licensed"), given.get("meter")
    if usage_type == "metered" and not meter:
        raise invalid("Starting with Stripe version `2025-03-31.basil`, metered prices must be backed by meters.")
    if usage_type != "metered" and meter:
        raise invalid(
            "You can only set `recurring[meter]` with `recurring[usage_type]=metered`.", param="recurring[meter]"
        )
    found = get(world, "meters", meter, kind="billing meter", param="recurring[meter]", status=400) if meter else None
    if found is not None and found["status"] != "active":
        raise invalid("The meter is inactive.", param="recurring[meter]")
    return {
        "interval": given["interval"],
        "interval_count": given.get("interval_count", 1),
        "meter": meter,
        "trial_period_days": given.get("trial_period_days"),
        "usage_type": usage_type,
    }


def check_interval(interval: str, count: int) -> None:
    """Refuse an interval of nothing, or of more than three years."""
    if count < 1:
        raise currencies.at_least("recurring[interval_count]", 1, count)
    if count > LONGEST[interval]:
        raise invalid(
            f"The maximum billing interval is three years; with `interval={interval}`, `interval_count` can be "
            f"{LONGEST[interval]} at most.",
            param="recurring[interval_count]",
        )

"""Tax rates that are set by hand: made, archived, listed (FACTS_A 96), and named by other objects."""

from __future__ import annotations

from sandbox.resources.stripe.objects import emit, get, listed
from sandbox.resources.stripe.routes import PAGING, Call, route
from sandbox.world import currencies
from sandbox.world.forms import merge_metadata
from sandbox.world.refusal import blank, invalid
from sandbox.world.state import Obj, World

MOST = 5  # on one object
TEXTS = ("country", "description", "jurisdiction", "state", "tax_type")


@route("post", "/v1/tax_rates", "display_name", "inclusive", "percentage", "active", "metadata", *TEXTS)
def create_tax_rate(call: Call) -> Obj:
    world, params = call.world, call.params
    if not params["display_name"]:
        raise blank("display_name")
    if not 0 <= params["percentage"] <= 100:
        refuse = currencies.at_least if params["percentage"] < 0 else currencies.at_most
        raise refuse("percentage", 0 if params["percentage"] < 0 else 100, params["percentage"])
    rate = {
        "id": world.next_id("txr"),
        "object": "tax_rate",
        "active": params.get("active", True),
        "created": world.now,
        "display_name": params["display_name"],
        "effective_percentage": params["percentage"],
        "flat_amount": None,
        "inclusive": params["inclusive"],
        "jurisdiction_level": None,
        "livemode": False,
        "metadata": merge_metadata({}, params.get("metadata")),
        "percentage": params["percentage"],
        "rate_type": "percentage",
        **{name: params.get(name) or None for name in TEXTS},
    }
    emit(call, "tax_rate.created", world.put("tax_rates", rate))
    return rate


@route("post", "/v1/tax_rates/{tax_rate}", "display_name", "active", "metadata", *TEXTS)
def update_tax_rate(call: Call) -> Obj:
    rate = get(call.world, "tax_rates", call.ids[0], kind="tax rate")
    before, params = dict(rate), call.params
    if params.get("display_name") == "":
        raise blank("display_name")
    for name in ("display_name", "active", *TEXTS):
        if name in params:
            rate[name] = None if params[name] == "" else params[name]
    rate["metadata"] = merge_metadata(rate["metadata"], params.get("metadata"))
    emit(call, "tax_rate.updated", rate, before)
    return rate


@route("get", "/v1/tax_rates/{tax_rate}")
def retrieve_tax_rate(call: Call) -> Obj:
    return get(call.world, "tax_rates", call.ids[0], kind="tax rate")


@route("get", "/v1/tax_rates", *PAGING, "active", "inclusive")
def list_tax_rates(call: Call) -> Obj:
    active, inclusive = call.params.get("active"), call.params.get("inclusive")
    return listed(call, "tax_rates", lambda r: active in (None, r["active"]) and inclusive in (None, r["inclusive"]))


def chosen(world: World, given: list[str] | str | None, param: str) -> list[Obj]:
    """Return the rates that a parameter names; an empty text takes all away. An archived rate is not applied any more."""
    names = list(given or [])
    if len(names) > MOST:
        raise invalid(f"You can set up to {MOST} tax rates.", param=param)
    found = [get(world, "tax_rates", id, kind="tax rate", param=param, status=400) for id in names]
    for rate in found:
        if not rate["active"]:
            raise invalid(f"The tax rate {rate['id']} is archived and cannot be applied.", param=param)
    return found

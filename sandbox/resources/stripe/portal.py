"""The billing portal: its configurations, of which one is the default that people manage in the dashboard, and its links."""

from __future__ import annotations

from sandbox.resources.stripe import payers
from sandbox.resources.stripe.objects import emit, get, listed
from sandbox.resources.stripe.routes import PAGING, Call, route
from sandbox.world.forms import check_url, merge_metadata
from sandbox.world.refusal import invalid
from sandbox.world.state import Obj, World

ADJUSTABLE = {"enabled": False, "maximum": None, "minimum": 1}
LISTS = ("feedback_options", "products")
FEATURES: Obj = {
    "customer_update": {"allowed_updates": [], "enabled": False},
    "invoice_history": {"enabled": False},
    "payment_method_update": {"enabled": False, "payment_method_configuration": None},
    "subscription_cancel": {
        "cancellation_reason": {"enabled": False, "options": []}, "enabled": False, "mode": "at_period_end",
        "proration_behavior": "none",
    },
    "subscription_pause": {"duration": {"interval_options": [], "type": "indefinite"}, "enabled": False},
    "subscription_update": {
        "billing_cycle_anchor": None, "default_allowed_updates": [], "enabled": False, "proration_behavior": "none",
        "schedule_at_period_end": {"conditions": []}, "trial_update_behavior": "end_trial",
    },
}  # fmt: skip


@route("post", "/v1/billing_portal/configurations", "features", "business_profile", "login_page", "metadata", "name",
       "default_return_url")  # fmt: skip
def create_configuration(call: Call) -> Obj:
    world, params = call.world, call.params
    if "features" not in params:
        raise invalid("Missing required param: features.", param="features", code="parameter_missing")
    configuration: Obj = {
        "id": world.next_id("bpc"), "object": "billing_portal.configuration", "active": True, "application": None,
        "business_profile": profile({}, params.get("business_profile", {})), "created": world.now,
        "default_return_url": params.get("default_return_url") or None, "features": features({}, params["features"]),
        "is_default": False, "livemode": False, "login_page": login_page(world, params),
        "metadata": merge_metadata({}, params.get("metadata")), "name": params.get("name") or None, "updated": world.now,
    }  # fmt: skip
    emit(call, "billing_portal.configuration.created", world.put("portal_configurations", configuration))
    return configuration


@route("post", "/v1/billing_portal/configurations/{configuration}", "features", "business_profile", "login_page",
       "metadata", "name", "default_return_url", "active")  # fmt: skip
def update_configuration(call: Call) -> Obj:
    world, params = call.world, call.params
    found = get(world, "portal_configurations", call.ids[0], kind="billing_portal.configuration")
    before = dict(found)
    found["features"] = features(found["features"], params.get("features", {}))
    if "business_profile" in params:
        found["business_profile"] = profile(found["business_profile"], params["business_profile"])
    if "login_page" in params:
        found["login_page"] = login_page(world, params)
    for name in ("name", "default_return_url", "active"):
        if name in params:
            found[name] = None if params[name] == "" else params[name]
    found["metadata"] = merge_metadata(found["metadata"], params.get("metadata"))
    found["updated"] = world.now
    emit(call, "billing_portal.configuration.updated", found, before)
    return found


@route("get", "/v1/billing_portal/configurations/{configuration}")
def retrieve_configuration(call: Call) -> Obj:
    return get(call.world, "portal_configurations", call.ids[0], kind="billing_portal.configuration")


@route("get", "/v1/billing_portal/configurations", *PAGING - {"created"}, "active", "is_default")
def list_configurations(call: Call) -> Obj:
    filters = {name: call.params[name] for name in ("active", "is_default") if name in call.params}
    answer = listed(call, "portal_configurations", lambda c: all(c[name] == value for name, value in filters.items()))
    return answer | {"url": "/v1/billing_portal/configurations"}


@route("post", "/v1/billing_portal/sessions", "customer", "configuration", "return_url", "locale")
def create_link(call: Call) -> Obj:
    world, params = call.world, call.params
    customer = payers.named(world, params)
    check_url(params.get("return_url"), "return_url")
    chosen = params.get("configuration") or next(
        (c["id"] for c in world.stripe["portal_configurations"].values() if c["is_default"] and c["active"]), None
    )
    if chosen is None:
        raise invalid(
            "You can't create a portal session in test mode until you save your customer portal settings in test mode at "
            "https://dashboard.stripe.com/test/settings/billing/portal."
        )
    get(world, "portal_configurations", chosen, kind="billing_portal.configuration", param="configuration", status=400)
    id = world.next_id("bps")
    return {
        "id": id, "object": "billing_portal.session", "after_expiration": None, "configuration": chosen,
        "created": world.now, "customer": customer["id"], "customer_account": None, "flow": None, "livemode": False,
        "locale": params.get("locale"), "on_behalf_of": None, "return_url": params.get("return_url"),
        "url": f"https://billing.stripe.com/p/session/{id}",
    }  # fmt: skip


def features(before: Obj, given: Obj) -> Obj:
    """Return the features as they are with what is given on top; a feature that was never named is off."""
    merged = {
        name: laid_over(laid_over(FEATURES[name], before.get(name, {})), given.get(name, {})) for name in FEATURES
    }
    for row in merged["subscription_update"].get("products") or []:
        row["adjustable_quantity"] = ADJUSTABLE | row.get("adjustable_quantity", {})
    for row in merged["subscription_pause"]["duration"]["interval_options"]:
        row.setdefault("interval_count", 1)
    return merged


def laid_over(below: Obj, above: Obj) -> Obj:
    """Return an object with another one on top, key by key; an empty text clears a field."""
    merged = dict(below)
    for name, value in above.items():
        known = below.get(name)
        if isinstance(value, dict) and isinstance(known, dict):
            merged[name] = laid_over(known, value)
        elif value == "":
            merged[name] = [] if isinstance(known, list) or name in LISTS else None
        else:
            merged[name] = value
    return merged


def profile(before: Obj, given: Obj) -> Obj:
    """Return what a configuration says of the business; an empty text clears a field."""
    names = ("headline", "privacy_policy_url", "terms_of_service_url")
    return {name: given.get(name, before.get(name)) or None for name in names}


def login_page(world: World, params: Obj) -> Obj:
    enabled = bool(params.get("login_page", {}).get("enabled"))
    return {"enabled": enabled, "url": f"https://billing.stripe.com/p/login/test_{world.sequence}" if enabled else None}

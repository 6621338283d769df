"""Checkout Sessions in subscription mode: made, listed, expired by time or by request, and completed as a customer would.

Completing one makes the subscription (and the customer, where none was given) as Stripe does: with ``subscription_data``, the
lines' prices, the discount, and its first invoice paid. The API cannot complete one: the sandbox's own
``/_world/checkout`` plays the customer.
"""

from __future__ import annotations

from typing import Any

from sandbox.billing import discounts, finalizing, invoices, prorations
from sandbox.billing.lines import item_line
from sandbox.resources.stripe import item_contents, people
from sandbox.resources.stripe.drafting import draft_subscription
from sandbox.resources.stripe.invoicing import clean
from sandbox.resources.stripe.objects import emit, event_sink, get, listed
from sandbox.resources.stripe.routes import PAGING, Call, route
from sandbox.resources.stripe.subscriptions import check_room
from sandbox.world.forms import check_url, merge_metadata
from sandbox.world.refusal import NotModelled, invalid
from sandbox.world.state import Obj, World

DAY, HALF_HOUR, TWO_DAYS = 86_400, 1800, 172_800
CREATES = (
    "mode", "line_items", "customer", "customer_email", "success_url", "cancel_url", "client_reference_id", "metadata",
    "subscription_data", "discounts", "automatic_tax", "customer_update", "expires_at", "billing_address_collection",
    "tax_id_collection",
)  # fmt: skip
NOTHING = (
    "adaptive_pricing", "after_expiration", "allow_promotion_codes", "allowed_payment_method_types", "branding_settings",
    "client_secret", "collected_information", "consent", "consent_collection", "currency_conversion",
    "customer_account", "customer_creation", "customer_details", "excluded_payment_method_types",
    "integration_identifier", "invoice", "invoice_creation", "locale", "managed_payments", "name_collection",
    "optional_items", "origin_context", "payment_intent", "payment_link", "payment_method_collection",
    "payment_method_configuration_details", "payment_method_options", "permissions", "phone_number_collection",
    "presentment_details", "recovered_from", "redirect_on_completion", "return_url", "saved_payment_method_options",
    "setup_intent", "shipping_address_collection", "shipping_cost", "submit_type", "subscription",
    "tax_id_collection", "total_details", "ui_mode", "wallet_options",
)  # fmt: skip


@route("post", "/v1/checkout/sessions", *CREATES)
def create_session(call: Call) -> Obj:
    world, params = call.world, call.params
    if params.get("mode") != "subscription":
        raise NotModelled(f"checkout sessions: mode={params.get('mode')}")
    if "success_url" not in params:
        raise invalid("You must provide a success_url.", param="success_url", code="parameter_missing")
    for name in ("success_url", "cancel_url"):
        check_url(params.get(name), name)
    if params.get("customer") and params.get("customer_email"):
        raise invalid("You may only specify one of these parameters: customer, customer_email.", param="customer")
    if params.get("customer"):
        get(world, "customers", params["customer"], kind="customer", param="customer", status=400)
    if "customer_update" in params and not params.get("customer"):
        raise invalid("`customer_update` can only be used with `customer`.", param="customer_update")
    if len(params.get("discounts", [])) > 1:
        raise invalid("You can only apply one discount to a Checkout Session.", param="discounts")
    prices = [line_price(world, given) for given in params.get("line_items", [])]
    if not any(p["recurring"] for p in prices):
        raise invalid("You must provide at least one recurring price in `subscription` mode.", param="line_items")
    expires = params.get("expires_at", world.now + DAY)
    if not world.now + HALF_HOUR <= expires <= world.now + DAY:
        raise invalid(
            "The `expires_at` timestamp must be between 30 minutes and 24 hours from now.", param="expires_at"
        )
    check_subscription_data(world, params.get("subscription_data", {}))
    check_tax(world, params)
    id = world.next_id("cs_test")
    fields: Obj = dict.fromkeys(NOTHING)
    session = fields | {
        "id": id, "object": "checkout.session", "amount_subtotal": None, "amount_total": None,
        "automatic_tax": {"enabled": False, "liability": None, "status": None, "provider": None}
        | params.get("automatic_tax", {}),
        "billing_address_collection": params.get("billing_address_collection"), "cancel_url": params.get("cancel_url"),
        "client_reference_id": params.get("client_reference_id"), "created": world.now,
        "currency": prices[0]["currency"], "custom_fields": [],
        "custom_text": dict.fromkeys(("after_submit", "shipping_address", "submit", "terms_of_service_acceptance")),
        "customer": params.get("customer"), "customer_email": params.get("customer_email"),
        "discounts": [{"coupon": d.get("coupon"), "promotion_code": None} for d in params.get("discounts", [])],
        "expires_at": expires, "livemode": False, "metadata": merge_metadata({}, params.get("metadata")),
        "mode": "subscription", "payment_method_types": ["card"], "payment_status": "unpaid",
        "shipping_options": [], "status": "open", "success_url": params["success_url"],
        "url": f"https://checkout.stripe.com/c/pay/{id}",
    }  # fmt: skip
    world.put("checkout_sessions", session)
    world.call_state[id] = dict(params)
    return session


def line_price(world: World, given: Obj) -> Obj:
    """Return the price of a line: active, and with a quantity unless it is metered."""
    for name in set(given) - {"price", "quantity"}:
        raise NotModelled(f"checkout line_items: {name}")
    price = get(world, "prices", given.get("price", ""), kind="price", param="line_items[0][price]", status=400)
    if not price["active"]:
        raise invalid("The price specified is inactive. This field only accepts active prices.", param="line_items")
    if not given.get("quantity"):
        raise invalid("Quantity is required. Add `quantity` to `line_items[0]`.", param="line_items[0][quantity]")
    return price


def check_subscription_data(world: World, data: Obj) -> None:
    known = {"metadata", "billing_mode", "trial_end", "trial_period_days", "description"}
    for name in set(data) - known:
        raise NotModelled(f"checkout subscription_data: {name}")
    if "trial_end" in data and data["trial_end"] < world.now + TWO_DAYS:
        raise invalid("`trial_end` must be at least 2 days in the future.", param="subscription_data[trial_end]")


def check_tax(world: World, params: Obj) -> None:
    """Automatic tax wants an address of the customer, or leave to save the one that they type in."""
    if not params.get("automatic_tax", {}).get("enabled") or not params.get("customer"):
        return
    customer = world.stripe["customers"][params["customer"]]
    if not customer["address"] and params.get("customer_update", {}).get("address") != "auto":
        raise invalid(
            "Automatic tax calculation in Checkout requires a valid address on the Customer. Add a valid address to the "
            "Customer or set either `customer_update[address]` to 'auto' or `customer_update[shipping]` to 'auto'.",
            code="customer_tax_location_invalid",
        )


@route("get", "/v1/checkout/sessions/{session}")
def retrieve_session(call: Call) -> Obj:
    return current(call.world, get(call.world, "checkout_sessions", call.ids[0], kind="checkout.session"))


@route("get", "/v1/checkout/sessions", *PAGING, "customer", "status", "subscription")
def list_sessions(call: Call) -> Obj:
    for session in call.world.stripe["checkout_sessions"].values():
        current(call.world, session)
    filters = {name: call.params[name] for name in ("customer", "status", "subscription") if name in call.params}
    answer = listed(call, "checkout_sessions", lambda s: all(s[name] == value for name, value in filters.items()))
    return answer | {"url": "/v1/checkout/sessions"}


@route("post", "/v1/checkout/sessions/{session}/expire")
def expire_session(call: Call) -> Obj:
    session = retrieve_session(call)
    if session["status"] != "open":
        raise invalid(
            f'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a status of '
            f"{session['status']}."
        )
    session |= {"status": "expired", "url": None}
    emit(call, "checkout.session.expired", session)
    return session


def current(world: World, session: Obj) -> Obj:
    """Return a session, expired if its time has passed."""
    if session["status"] == "open" and session["expires_at"] <= world.now:
        session |= {"status": "expired", "url": None}
    return session


def complete(world: World, id: str, *, email: str | None = None) -> Obj:
    """Complete the page as a customer would: enter an address and a card, and pay."""
    session = current(world, get(world, "checkout_sessions", id, kind="checkout.session"))
    if session["status"] != "open":
        raise invalid(f"The session {id} is {session['status']}.")
    params = world.call_state[id]
    call = Call(world, [], {}, "req_of_a_customer", None)
    customer = session["customer"] or people.create_customer(
        Call(world, [], {"email": session["customer_email"] or email}, "req_of_a_customer", None)
    )["id"]  # fmt: skip
    owner = world.stripe["customers"][customer]
    if params.get("customer_update", {}).get("address") == "auto" and not owner["address"]:
        owner["address"] = {
            "city": None,
            "country": "DE",
            "line1": None,
            "line2": None,
            "postal_code": "10115",
            "state": None,
        }
    method = new_card(world, customer)
    data = params.get("subscription_data", {})
    recurring: list[Obj] = []
    once: list[Obj] = []
    for given in params["line_items"]:
        (recurring if world.stripe["prices"][given["price"]]["recurring"] else once).append(given)
    made: Obj = {
        "customer": customer, "items": recurring, "metadata": data.get("metadata", {}),
        "billing_mode": data.get("billing_mode", {"type": "flexible"}), "description": data.get("description"),
        "default_payment_method": method, "payment_behavior": "error_if_incomplete",
    }  # fmt: skip
    if "automatic_tax" in params:
        made["automatic_tax"] = {"enabled": bool(params["automatic_tax"].get("enabled"))}
    call.params = made
    subscription = draft_subscription(call, made)
    check_room(world, subscription)
    trial = data.get("trial_end") or (
        world.now + DAY * data["trial_period_days"] if data.get("trial_period_days") else None
    )
    if trial:
        subscription |= {
            "status": "trialing",
            "trial_start": world.now,
            "trial_end": trial,
            "billing_cycle_anchor": trial,
        }
        for item in subscription["items"]["data"]:
            item |= {"current_period_start": world.now, "current_period_end": trial}
    coupons = [{"coupon": d["coupon"]} for d in session["discounts"]] or None
    subscription["discounts"] = discounts.chosen(world, subscription, coupons, keep=True) if coupons else []
    extra = [
        item_contents.made(
            world,
            {"pricing": {"price": g["price"]}, "quantity": g["quantity"], "subscription": subscription["id"]},
            customer,
        )
        for g in once
    ]
    for item in extra:
        world.put("invoiceitems", item)
    lines = [] if trial else clean(prorations.first_lines(world, subscription))
    lines += [item_line(world, item) for item in extra]
    invoice = world.put("invoices", invoices.build(world, subscription, lines, reason="subscription_create"))
    subscription["latest_invoice"] = invoice["id"]
    owner["currency"] = subscription["currency"]
    emit(call, "customer.subscription.created", world.put("subscriptions", subscription))
    finalizing.issue(world, invoice, event_sink(call))
    session |= {
        "status": "complete", "url": None, "customer": customer, "subscription": subscription["id"],
        "invoice": invoice["id"], "payment_status": "no_payment_required" if trial else "paid",
        "amount_total": invoice["total"], "amount_subtotal": invoice["subtotal"],
    }  # fmt: skip
    emit(call, "checkout.session.completed", session)
    return session


def new_card(world: World, customer: str) -> str:
    """Return the card that was typed in; it becomes the subscription's, not the customer's default."""
    card: Any = {
        "id": world.next_id("pm"), "object": "payment_method", "type": "card", "customer": customer,
        "created": world.now, "livemode": False, "metadata": {}, "card": {"brand": "visa", "last4": "4242"},
    }  # fmt: skip
    id: str = world.put("payment_methods", card)["id"]
    return id

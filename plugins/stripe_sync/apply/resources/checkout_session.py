"""How a Checkout Session is opened, what Stigg is told then, and how a lost result is looked for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from stripe_sync.apply.current import Row, stigg_id, stigg_of
from stripe_sync.apply.links import Registry
from stripe_sync.apply.resources.parameters import metadata, own_notes, priced
from stripe_sync.apply.resources.recovery import listed
from stripe_sync.clients.stripe.client import StripeApi, Written
from stripe_sync.core import ownership
from stripe_sync.core.errors import RowFailed
from stripe_sync.core.reasons import ReasonCode
from stripe_sync.domain.plan.actions import Action

SESSIONS = "/v1/checkout/sessions"


def session_params(action: Action, registry: Registry) -> dict[str, Any]:
    """Explicit in everything that has a default; the subscription gets our mark, so the next run knows it."""
    how = action.after["how"]
    request = how["request"]
    data: dict[str, Any] = {
        "billing_mode": {"type": "flexible"},
        "metadata": metadata(how["metadata"], registry) | own_notes({"once": how["once"]} if how["once"] else {}),
    }
    if how["trial_days"]:
        data["trial_period_days"] = how["trial_days"]
    params: dict[str, Any] = {
        "mode": "subscription",
        "customer": registry.resolve(action.after["customer"]),
        "client_reference_id": action.after["reference"],
        "line_items": [priced(item, registry) for item in [*how["items"], *how["one_off"]]],
        "success_url": request["success_url"],
        "metadata": {ownership.FIELD: registry.signer.mark(action.target)},
        "subscription_data": data,
        "expires_at": how["expires_at"],
    }
    if request["cancel_url"]:
        params["cancel_url"] = request["cancel_url"]
    if how["attach"]:
        params["discounts"] = [{"coupon": registry.resolve(key)} for key in how["attach"].values()]
    if how["automatic_tax"]:
        params |= {"automatic_tax": {"enabled": True}, "customer_update": {"address": "auto"}}
    return params


def send_checkout(api: StripeApi, action: Action, registry: Registry, key: str) -> Written:
    params: Any = session_params(action, registry)
    return api.write(f"post {SESSIONS}", lambda c, o: c.v1.checkout.sessions.create(params, o), idempotency_key=key)


def checkout_candidates(api: StripeApi, action: Action, registry: Registry, since: datetime) -> Iterator[Row]:
    yield from listed(api, SESSIONS, since, customer=registry.resolve(action.after["customer"]))


def send_provision(api: StripeApi, action: Action, registry: Registry, key: str) -> Written:
    """One that Stigg has under this id already is as good."""
    stigg = stigg_of(registry)
    there = stigg.find_subscription(stigg_id(action))
    return Written(there or stigg.provision(dict(action.after["how"])), None)


def provisioned(api: StripeApi, action: Action, registry: Registry, since: datetime) -> Iterator[Row]:
    there = stigg_of(registry).find_subscription(stigg_id(action))
    if there is not None:
        yield there


def send_name(api: StripeApi, action: Action, registry: Registry, key: str) -> Written:
    """Refused where Stigg has another id by now."""
    stigg, id = stigg_of(registry), stigg_id(action)
    there, wanted = stigg.customer(id), registry.resolve(action.after["billing"])
    if there is None or there["billingId"] not in (None, wanted):
        raise RowFailed(ReasonCode.CHANGED_SINCE, f"Stigg has another Stripe id of {id} by now, or no such customer.")
    return Written({"id": id, "billingId": stigg.set_billing_id(id, wanted)}, None)


def named(api: StripeApi, action: Action, registry: Registry, since: datetime) -> Iterator[Row]:
    there = stigg_of(registry).customer(stigg_id(action))
    if there is not None and there["billingId"] == registry.get(action.after["billing"]):
        yield there

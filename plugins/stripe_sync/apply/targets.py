"""Where the target of an action is, and what it is now."""

from __future__ import annotations

from typing import Any

from stripe_sync import keys
from stripe_sync.apply import answers
from stripe_sync.apply.registry import Registry
from stripe_sync.errors import RowFailed
from stripe_sync.plan.actions import Action
from stripe_sync.stigg_api.client import StiggApi
from stripe_sync.stripe_api.client import StripeApi

Row = dict[str, Any]
PRODUCTS, PRICES, COUPONS = "/v1/products", "/v1/prices", "/v1/coupons"
CUSTOMERS, SUBSCRIPTIONS, INVOICE_ITEMS = "/v1/customers", "/v1/subscriptions", "/v1/invoiceitems"
PATHS = {
    "product": PRODUCTS, "price": PRICES, "coupon": COUPONS, "customer": CUSTOMERS, "subscription": SUBSCRIPTIONS,
    "schedule": SUBSCRIPTIONS, "invoiceitem": INVOICE_ITEMS,
}  # fmt: skip
# Parts that Stripe leaves out unless they are asked for.
EXPAND = {"subscription": ["discounts"], "schedule": ["discounts"], "price": ["tiers"]}


def path_of(action: Action) -> str:
    """The list that the target's kind lives in."""
    return PATHS[action.kind.partition(".")[0]]


def current(api: StripeApi, action: Action, registry: Registry) -> Row:
    """The target of an update as it is now, with the parts that Stripe leaves out unless asked."""
    if action.kind.startswith("stigg."):
        return stigg_of(registry).subscription(stigg_id(action))
    path = f"{path_of(action)}/{registry.resolve(action.target)}"
    asked = EXPAND.get(action.kind.partition(".")[0])
    return api.get(path, expand=asked) if asked else api.get(path)


def check_before(action: Action, held: Row, registry: Registry) -> None:
    """Refuses a change whose before-state no longer holds; the next run plans it anew."""
    wrong = list(answers.mismatches(action.before, answers.document(action, held, registry)))
    if wrong:
        raise RowFailed("CHANGED_SINCE", f"{', '.join(wrong)} changed in Stripe since the plan was made; plan again.")


def stigg_of(registry: Registry) -> StiggApi:
    assert registry.stigg is not None, "actions in Stigg need a client for it"
    return registry.stigg


def stigg_id(action: Action) -> str:
    return keys.entity_of(action.target)[1]

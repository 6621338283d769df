"""One handler a kind of action: how it is sent, and how a lost result is looked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from stripe_sync.apply.current import Row
from stripe_sync.apply.links import Registry
from stripe_sync.apply.resources import cancellation, final_invoice, item_parameters, parameters
from stripe_sync.apply.resources.checkout_session import (
    checkout_candidates,
    named,
    provisioned,
    send_checkout,
    send_name,
    send_provision,
)
from stripe_sync.apply.resources.recovery import (
    coupon_candidates,
    coupon_deleted,
    customer_candidates,
    invoice_item_candidates,
    price_candidates,
    product_candidates,
    subscription_candidates,
    updated,
)
from stripe_sync.apply.resources.sending import (
    Send,
    Service,
    coupons,
    creating,
    customers,
    invoice_items,
    prices,
    products,
    send_coupon_create,
    send_coupon_delete,
    send_product_create,
    send_schedule_release,
    send_stigg_cancel,
    send_subscription_update,
    subscriptions,
    updating,
)
from stripe_sync.apply.resources.usage_lines import (
    change_candidates,
    no_trace,
    put_candidates,
    removed,
    send_change,
    send_meter_event,
    send_put,
    send_remove,
    send_timing,
    timed,
)
from stripe_sync.clients.stripe.client import StripeApi
from stripe_sync.clients.stripe.endpoints import PATHS
from stripe_sync.core import ownership
from stripe_sync.domain.plan.actions import Action


@dataclass(frozen=True)
class Handler:
    """``candidates`` yields what an interrupted call may have made.

    ``prepare`` notes what has to be known before the call, ``finish`` does what follows it and says what a person has to
    see to; both are given the run's moment.
    """

    send: Send
    candidates: Callable[[StripeApi, Action, Registry, datetime], Iterator[Row]]
    prepare: Callable[[StripeApi, Action, Registry, datetime], Action] | None = None
    finish: Callable[[StripeApi, Action, Registry, str, datetime], list[str]] | None = None


def made_by(api: StripeApi, action: Action, registry: Registry, since: datetime) -> Row | None:
    """The object that an interrupted call left, or None. A created one must carry the genuine mark of its target."""
    for row in HANDLERS[action.kind].candidates(api, action, registry, since):
        marked = registry.signer.key_of((row.get("metadata") or {}).get(ownership.FIELD)) == action.target
        if marked or not action.kind.endswith(".create"):
            return row
    return None


STRIPPED: Mapping[str, Service] = {
    "product": products, "price": prices, "coupon": coupons, "customer": customers, "subscription": subscriptions,
}  # fmt: skip
HANDLERS: Mapping[str, Handler] = {
    "product.create": Handler(send_product_create, product_candidates),
    "product.update": Handler(updating(PATHS["product"], products, parameters.plain), updated),
    "product.set_default": Handler(updating(PATHS["product"], products, parameters.set_default), updated),
    "price.create": Handler(creating(PATHS["price"], prices, parameters.price_create), price_candidates),
    "price.update": Handler(updating(PATHS["price"], prices, parameters.price_update), updated),
    "price.release": Handler(updating(PATHS["price"], prices, parameters.price_update), updated),
    "price.archive": Handler(updating(PATHS["price"], prices, parameters.price_update), updated),
    "price.retire": Handler(updating(PATHS["price"], prices, parameters.price_update), updated),
    "product.retire": Handler(updating(PATHS["product"], products, parameters.plain), updated),
    "coupon.create": Handler(send_coupon_create, coupon_candidates),
    "coupon.update": Handler(updating(PATHS["coupon"], coupons, parameters.plain), updated),
    "coupon.delete": Handler(send_coupon_delete, coupon_deleted),
    "customer.create": Handler(creating(PATHS["customer"], customers, parameters.customer_create), customer_candidates),
    "customer.update": Handler(updating(PATHS["customer"], customers, parameters.customer), updated),
    "subscription.create": Handler(
        creating(PATHS["subscription"], subscriptions, parameters.subscription_sent), subscription_candidates
    ),
    "checkout.create": Handler(send_checkout, checkout_candidates),
    "stigg.provision": Handler(send_provision, provisioned),
    "stigg.name": Handler(send_name, named),
    "stigg.cancel": Handler(send_stigg_cancel, updated),
    "schedule.release": Handler(send_schedule_release, updated),
    "invoiceitem.create": Handler(
        creating(PATHS["invoiceitem"], invoice_items, item_parameters.invoice_item_create),
        invoice_item_candidates,
    ),
    "subscription.update": Handler(send_subscription_update, updated),
    "subscription.cancel": Handler(cancellation.send, cancellation.canceled, cancellation.prepare, cancellation.finish),
    **{
        f"{kind}.strip": Handler(updating(PATHS[kind], service, parameters.strip), updated)
        for kind, service in STRIPPED.items()
    },
    "draft.hold": Handler(send_timing, timed),
    "draft.release": Handler(send_timing, timed),
    "finalinvoice.create": Handler(final_invoice.send_create, final_invoice.created),
    "finalinvoice.release": Handler(final_invoice.send_release, final_invoice.released),
    "finalinvoice.delete": Handler(final_invoice.send_delete, final_invoice.gone),
    "meterevent.send": Handler(send_meter_event, no_trace),
    "usageline.put": Handler(send_put, put_candidates),
    "usageline.change": Handler(send_change, change_candidates),
    "usageline.remove": Handler(send_remove, removed),
}

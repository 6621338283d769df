"""Old events of an account, about objects that were deleted before the world's clock."""

from __future__ import annotations

from typing import Any

from sandbox.world import ids
from sandbox.world.stripe_types import api_version

Obj = dict[str, Any]
AGE = 5 * 86_400  # seconds before the clock of the old events; events are kept for 30 days
# What happened then, by kind of object: (prefix of its id, events in their order).
OLD_EVENTS = {
    "product": ("prod", ("product.created", "product.updated", "product.deleted")),
    "price": ("price", ("price.created", "price.updated")),
    "coupon": ("coupon", ("coupon.created", "coupon.updated", "coupon.deleted")),
    "promotion_code": ("promo", ("promotion_code.created", "promotion_code.updated")),
    "tax_rate": ("txr", ("tax_rate.created", "tax_rate.updated")),
    "payment_method": ("pm", ("payment_method.attached", "payment_method.updated", "payment_method.detached")),
    "subscription": (
        "sub",
        ("customer.subscription.created", "customer.subscription.updated", "customer.subscription.deleted"),
    ),
    "invoiceitem": ("ii", ("invoiceitem.created", "invoiceitem.deleted")),
    "invoice": (
        "in",
        (
            "invoice.created", "invoice.updated", "invoice.finalized", "invoice.sent", "invoice.payment_failed",
            "invoice.paid", "invoice.voided", "invoice.marked_uncollectible",
        ),
    ),
    "credit_note": ("cn", ("credit_note.created",)),
    "refund": ("re", ("refund.created", "refund.updated")),
    "checkout.session": ("cs_test", ("checkout.session.completed", "checkout.session.expired")),
    "customer": ("cus", ("customer.created", "customer.updated", "customer.deleted")),
}  # fmt: skip


# What the objects of then named, beside themselves.
NAMED = {
    "price": ("product",),
    "payment_method": ("customer",),
    "subscription": ("customer",),
    "invoice": ("customer",),
    "invoiceitem": ("customer", "invoice"),
    "credit_note": ("customer", "invoice"),
}


def events(now: int, account: Obj) -> list[Obj]:
    """Return one event of each type, oldest first, a second apart, of objects that no request finds any more."""
    found: list[Obj] = []
    then = max(now - AGE, 0)
    known = {kind: ids.object_id(prefix, number, then) for number, (kind, (prefix, _)) in enumerate(OLD_EVENTS.items())}
    for kind, (_, types) in OLD_EVENTS.items():
        gone = {"id": known[kind], "object": kind, "created": then}
        gone |= {name: known[name] for name in NAMED.get(kind, ())}
        for type in types:
            found.append(event(type, gone, len(found), then + len(found), account))
    return found


def event(type: str, gone: Obj, number: int, created: int, account: Obj) -> Obj:
    """Return an event as Stripe showed it then; the object keeps only its id and kind."""
    data: Obj = {"object": gone | {"livemode": False, "metadata": {}}}
    if type.endswith(".updated"):
        data["previous_attributes"] = {"metadata": {"past": None}}
    request = ids.object_id("req", number, created)
    key = None if type.endswith(".deleted") else ids.idempotency_key(request)
    return {
        "id": ids.object_id("evt", number, created),
        "object": "event",
        "api_version": account.get("api_version", api_version()),
        "created": created,
        "data": data,
        "livemode": False,
        "pending_webhooks": 0,
        "request": {"id": request, "idempotency_key": key},
        "type": type,
    }

"""Coupons: the pipeline chooses their id; if Stripe still blocks a deleted coupon's id, the next of five (docs/unknowns.md)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from msgspec import UNSET, structs

from stripe_sync.apply.resource import (
    Call,
    Handler,
    Resource,
    change,
    existing,
    field_metadata,
    field_text,
    metadata,
    reader,
    without_marker,
)
from stripe_sync.clients.stripe.answers import Found, Written
from stripe_sync.clients.stripe.collection import Collection
from stripe_sync.clients.stripe.endpoints import PATHS
from stripe_sync.clients.stripe.parameters.catalog import CouponChange, CurrencyAmount, NewCoupon
from stripe_sync.core.decoding import from_stripe
from stripe_sync.core.errors import EntityError
from stripe_sync.core.reasons import ReasonCode
from stripe_sync.domain.actual import stripe_objects
from stripe_sync.domain.model.documents import Document
from stripe_sync.domain.model.stripe import StripeCoupon
from stripe_sync.domain.plan.actions import ActionKind

ATTEMPTS = 5


def _parameters(call: Call) -> NewCoupon:
    """Return the parameters of a new coupon."""
    after = call.action.after
    coupon = NewCoupon(
        id=call.links.natural_id(call.action.target),
        duration=after["duration"],
        metadata=metadata(after["metadata"], call.links),
        name=after.get("name", UNSET),
        duration_in_months=int(after["duration_in_months"]) if "duration_in_months" in after else UNSET,
    )
    if "percent_off" in after:
        return structs.replace(coupon, percent_off=float(after["percent_off"]))
    return _with_amounts(coupon, {currency: int(amount) for currency, amount in sorted(after["amount_off"].items())})


def _with_amounts(coupon: NewCoupon, amounts: Mapping[str, int]) -> NewCoupon:
    """Return the coupon with a fixed amount, minor units by currency; further currencies become ``currency_options``."""
    own = "usd" if "usd" in amounts else next(iter(amounts))
    others = {currency: CurrencyAmount(amount_off=amount) for currency, amount in amounts.items() if currency != own}
    return structs.replace(coupon, amount_off=amounts[own], currency=own, currency_options=others or UNSET)


def _changes(call: Call) -> CouponChange:
    return CouponChange(name=field_text(call, "name"), metadata=field_metadata(call))


def _create(call: Call, key: str) -> Written:
    """Create the coupon under the first of its ids that Stripe accepts, or return ours if it exists."""
    params = _parameters(call)
    for number, id in enumerate(_ids(call)):
        try:
            return COUPONS.create(call.api, structs.replace(params, id=id), key=f"{key}-{number}" if number else key)
        except EntityError as refused:
            if refused.reason != ReasonCode.ID_TAKEN or COUPONS.find(call.api, id) is not None:
                return existing(call, COUPONS, id=id, refused=refused)
    raise EntityError(
        ReasonCode.ID_TAKEN, f"Stripe refuses the id {params.id} and those after it, and shows no such coupon."
    )


def _ids(call: Call) -> list[str]:
    """Return the possible ids of the coupon: its first id, and the next ones after deletions."""
    id = call.links.natural_id(call.action.target)
    return [id, *(f"{id}-{number}" for number in range(2, ATTEMPTS + 1))]


def _recover(call: Call, since: datetime) -> Iterator[Found]:
    yield from (found for id in _ids(call) if (found := COUPONS.find(call.api, id)) is not None)


def _delete(call: Call, key: str) -> Written:
    return COUPONS.delete_if_there(call.api, call.id, key=key)


def _recover_deletion(call: Call, since: datetime) -> Iterator[Found]:
    return COUPONS.recover_deletion(call.api, call.id)


def _document(call: Call, found: Found) -> Document:
    return stripe_objects.coupon_document(
        call.links.decoding_context(), from_stripe(found.object, StripeCoupon), call.action.target
    ).document


COUPONS = Collection("coupon", PATHS["coupon"], lambda client: client.v1.coupons)
COUPON = Resource(
    "coupon",
    reader(COUPONS),
    _document,
    instructions=frozenset({"percent_off", "amount_off", "duration", "duration_in_months", "how"}),
)
HANDLERS = {
    ActionKind.COUPON_CREATE: Handler(COUPON, _create, _recover),
    ActionKind.COUPON_UPDATE: change(COUPON, COUPONS, _changes),
    ActionKind.COUPON_DELETE: Handler(COUPON, _delete, _recover_deletion),
    ActionKind.COUPON_STRIP: change(COUPON, COUPONS, without_marker),
}

"""Invoice items: one-off charges, corrections of renewals that were billed too early, and usage lines on drafts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TypeVar

from msgspec import UNSET, structs

from stripe_sync.apply.resource import Call, Handler, Resource, reader
from stripe_sync.clients.stripe.answers import Found, Written
from stripe_sync.clients.stripe.collection import Collection
from stripe_sync.clients.stripe.endpoints import PATHS
from stripe_sync.clients.stripe.parameters.encoding import Period
from stripe_sync.clients.stripe.parameters.invoices import InvoiceItemChange, NewInvoiceItem, PriceData, Pricing
from stripe_sync.core.clock import from_epoch
from stripe_sync.core.money import is_rounding, plain
from stripe_sync.domain.model.documents import Document
from stripe_sync.domain.plan.actions import ActionKind

Item = TypeVar("Item", bound=InvoiceItemChange)


def taxed(item: Item, settings: Mapping[str, str], rates: Sequence[str] = ()) -> Item:
    """Return the parameters of an item with its tax fields (BILLING 3).

    ``settings`` are ``tax_code`` and ``tax_behavior`` while the environment has tax on, else empty; they are sent with
    ``price_data``, since a price already has them. ``rates`` are the ids of the manual tax rates of
    the invoice or subscription that the item is for: one-off items inherit none (SB 3.4), so each item names them.
    """
    if item.price_data is not UNSET and settings:
        price = structs.replace(item.price_data, tax_behavior=settings["tax_behavior"])
        item = structs.replace(item, price_data=price, **settings)
    return structs.replace(item, tax_rates=list(rates)) if rates else item


def _parameters(call: Call) -> NewInvoiceItem:
    """Return a one-off charge at its price, or one unit at an amount on an open draft."""
    links, rates = call.links, call.action.after.get("tax_rates", ())
    item = _charge(call) if "price" in call.action.after else _correction(call)
    return taxed(item, links.tax_of(), rates)


def _charge(call: Call) -> NewInvoiceItem:
    """Return a one-off charge at its price, pending for a subscription's next invoice."""
    after, links = call.action.after, call.links
    return NewInvoiceItem(
        customer=links.resolve(after["customer"]),
        metadata=call.marker(),
        pricing=Pricing(price=links.resolve(after["price"])),
        quantity=int(after["quantity"]),
        subscription=links.resolve(after["subscription"]),
    )


def _correction(call: Call) -> NewInvoiceItem:
    """Return one unit at an amount on an open draft."""
    after, links = call.action.after, call.links
    return NewInvoiceItem(
        customer=links.resolve(after["customer"]),
        metadata=call.marker(),
        invoice=after["invoice"],
        price_data=PriceData(
            currency=after["currency"],
            product=links.get(after["product"]) or after["product"],
            unit_amount_decimal=Decimal(after["amount"]),
        ),
        quantity=1,
        description=f"Change before the renewal of {from_epoch(after['from']):%Y-%m-%d}",
    )


def _create(call: Call, key: str) -> Written:
    return ITEMS.create(call.api, _parameters(call), key=key)


def _recover(call: Call, since: datetime) -> Iterator[Found]:
    customer = call.links.get(call.action.after["customer"])
    if customer is not None:
        yield from ITEMS.created_since(call.api, since, customer=customer)


def _document(call: Call, found: Found) -> Document:
    """Return an item's fields: customer, amount or price, and the others of the action."""
    known, after = call.links.decoding_context().key_by_stripe_id, call.action.after
    row = found.object
    pricing = (row.get("pricing") or {}).get("price_details") or {}
    parent = _subscription(found)
    document = {
        "customer": known.get(row["customer"], row["customer"]),
        "price": known.get(pricing.get("price") or "", pricing.get("price")),
        "product": known.get(pricing.get("product") or "", pricing.get("product")),
        "quantity": str(row["quantity"]),
        "amount": str(row["amount"]),
        "currency": row["currency"],
        "invoice": row.get("invoice"),
        "subscription": known.get(parent or "", parent) if parent else after.get("subscription"),
        "tax_rates": _rate_ids(found),
    }
    return {name: value for name, value in document.items() if name in after}


def _subscription(found: Found) -> str | None:
    id: str | None = ((found.object.get("parent") or {}).get("subscription_details") or {}).get("subscription")
    return id


def _rate_ids(found: Found) -> list[str]:
    """Return the ids of the manual tax rates of an invoice item."""
    return [rate["id"] for rate in found.object.get("tax_rates") or ()]


def _line(call: Call) -> InvoiceItemChange:
    """Return a usage line: its period, and a quantity at a unit amount on the charge's product, with the tax fields."""
    after = call.action.after
    line = InvoiceItemChange(
        price_data=PriceData(
            currency=after["currency"],
            product=call.links.resolve(after["product"]),
            unit_amount_decimal=plain(Decimal(after["unit_amount"])),
        ),
        quantity_decimal=plain(Decimal(after["quantity"])),
        discountable=after["discountable"],
        period=Period(start=after["start"], end=after["end"]),
    )
    return taxed(line, call.links.tax_of(), after.get("tax_rates", ()))


def _put_line(call: Call, key: str) -> Written:
    after = call.action.after
    line = structs.replace(_line(call), description=after["description"])
    params = NewInvoiceItem(
        customer=after["customer"],
        metadata=call.marker(),
        invoice=call.links.get(after["invoice"]) or after["invoice"],
        subscription=after.get("subscription", UNSET),
        **structs.asdict(line),
    )
    return ITEMS.create(call.api, params, key=key)


def _change_line(call: Call, key: str) -> Written:
    return ITEMS.update(call.api, call.action.after["item"], _line(call), key=key)


def _remove_line(call: Call, key: str) -> Written:
    return ITEMS.delete_if_there(call.api, call.action.after["item"], key=key)


def _recover_line(call: Call, since: datetime) -> Iterator[Found]:
    """Yield the lines with the target's ownership marker."""
    for row in ITEMS.created_since(call.api, since, customer=call.action.after["customer"]):
        if call.is_target(row):
            yield row


def _recover_change(call: Call, since: datetime) -> Iterator[Found]:
    row = ITEMS.find(call.api, call.action.after["item"])
    if row is not None and not USAGE_LINE.differences(call, row):
        yield row


def _recover_removal(call: Call, since: datetime) -> Iterator[Found]:
    return ITEMS.recover_deletion(call.api, call.action.after["item"])


def _line_document(call: Call, found: Found) -> Document:
    """Return a line's quantity, price and amount, which verify it.

    Description and item id are not compared.
    """
    after = call.action.after
    row = found.object
    unit = (row.get("pricing") or {}).get("unit_amount_decimal")
    target = after.get("invoice", "")
    document = {
        **{name: after.get(name) for name in ("description", "item", "product")},
        "quantity": plain(Decimal(str(row["quantity_decimal"]))),
        "unit_amount": plain(Decimal(str(unit if unit is not None else row["amount"]))),
        "amount": _amount(call, found),
        "start": row["period"]["start"],
        "end": row["period"]["end"],
        "customer": row["customer"],
        "currency": row["currency"],
        "discountable": row["discountable"],
        "subscription": _subscription(found),
        "invoice": target if row.get("invoice") == (call.links.get(target) or target) else row.get("invoice"),
        "tax_rates": _rate_ids(found),
    }
    return {name: value for name, value in document.items() if name in after}


def _amount(call: Call, found: Found) -> str:
    """Return a line's amount, or the action's if they differ only by rounding (money.is_rounding)."""
    target, amount = call.action.after.get("amount"), found.object["amount"]
    rounded = target is not None and is_rounding(amount - int(target), found.object["currency"])
    return str(target if rounded else amount)


ITEMS = Collection("invoiceitem", PATHS["invoiceitem"], lambda client: client.v1.invoice_items)
INVOICE_ITEM = Resource("invoiceitem", reader(ITEMS), _document, instructions=frozenset({"from"}))
USAGE_LINE = Resource("usageline", lambda call: ITEMS.read(call.api, call.action.after["item"]), _line_document)
HANDLERS = {
    ActionKind.INVOICE_ITEM_CREATE: Handler(INVOICE_ITEM, _create, _recover),
    ActionKind.USAGE_LINE_PUT: Handler(USAGE_LINE, _put_line, _recover_line),
    ActionKind.USAGE_LINE_CHANGE: Handler(USAGE_LINE, _change_line, _recover_change),
    ActionKind.USAGE_LINE_REMOVE: Handler(USAGE_LINE, _remove_line, _recover_removal),
}

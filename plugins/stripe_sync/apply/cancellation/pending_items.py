"""Pending items of a canceled subscription: billed once on our own invoice, whether or not Stripe keeps them.

Every step may be repeated: the invoice and its lines are found by their markers, under keys of the same intent (BILLING 7).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from stripe_sync.apply.resource import Call
from stripe_sync.apply.resources.coupon import COUPONS
from stripe_sync.apply.resources.invoice import INVOICES, create
from stripe_sync.apply.resources.invoice_item import ITEMS, taxed
from stripe_sync.clients.stripe.answers import Found
from stripe_sync.clients.stripe.endpoints import PATHS
from stripe_sync.clients.stripe.nested_lists import with_items, with_lines
from stripe_sync.clients.stripe.parameters.encoding import Period
from stripe_sync.clients.stripe.parameters.invoices import InvoiceTiming, NewInvoiceItem, PriceData
from stripe_sync.core.charge_minimum import is_billable
from stripe_sync.core.decoding import from_stripe
from stripe_sync.core.keys import LinkKey
from stripe_sync.core.money import shown
from stripe_sync.domain.actual.pending_items import Net, Pending, settle
from stripe_sync.domain.actual.taxes import TaxTerms, manual_rates
from stripe_sync.domain.model.stripe_status import InvoiceStatus
from stripe_sync.domain.model.stripe_subscriptions import StripeDiscount, StripeSubscription
from stripe_sync.domain.plan.actions import Action, ActionKind
from stripe_sync.domain.plan.owed import INVOICE, LONGEST, NAME, OwedKind, owed_of
from stripe_sync.domain.usage.final_terms import FinalTerms, final_terms, fixed_in, given, id_of, without_fixed
from stripe_sync.domain.usage.holds.leads import LONGER


def settle_pending(call: Call, found: Sequence[Pending], *, key: str, now: int) -> list[str]:
    """Bill positive nets and return messages for a person; their rows remain until they are done (domain/plan/owed.py).

    Our items that remain in Stripe are deleted if they were billed or are credits. Items that a person bills are kept.
    """
    settlement = settle(found)
    messages = _bill(call, settlement.billed, key=key, now=now) if settlement.billed else []
    left = settlement.billed_ids() if messages else frozenset()
    for id in sorted(settlement.taken() - left):
        _delete_left(call, id, key=f"{key}-{id}")
    return messages + [
        row.sentence() for row in owed_of(call.action) if row.kind in (OwedKind.CREDIT, OwedKind.FOREIGN)
    ]


def _bill(call: Call, nets: Sequence[Net], *, key: str, now: int) -> list[str]:
    """Write one line per net to our own invoice, and switch it on when it is complete."""
    found = _terms(call, nets, now=now)
    if found.problem:
        return [f"{_sum(nets)} were pending: {found.problem} Bill them by hand."]
    own = _own_invoice(call, found)
    invoice = _existing_invoice(own, found.customer) or create(own, f"{key}-pending")
    if invoice.object["status"] != InvoiceStatus.DRAFT or invoice.object["auto_advance"]:
        return []
    for net in nets:
        _put_line(own, invoice, net, key=key)
    for coupon in found.coupons:  # its discounts are kept
        COUPONS.delete_if_there(own.api, coupon["id"], key=f"{key}-{coupon['id']}-gone")
    return _switch_on(own, invoice.object["id"], nets, key=key, now=now)


def _terms(call: Call, nets: Sequence[Net], *, now: int) -> FinalTerms:
    """Return the terms of the invoice. It has discounts only for one-off charges, since prorations contain them (SB 3.3, 5.5).

    A fixed amount is left to a person where the final usage invoice may take it too: where the subscription bills usage.
    """
    api, moment = call.api, min(call.action.after.get("ended_in_stigg") or now, now)
    body = api.get(f"{PATHS['subscription']}/{call.id}", expand=["discounts"])
    if not any(net.discountable for net in nets):
        return final_terms(body | {"discounts": []}, moment=moment, live={}, recorded={}, key="")
    inherited = (api.find(f"{PATHS['customer']}/{id_of(body['customer'])}") or {}).get("discount")
    used = {from_stripe(d, StripeDiscount).source.coupon_id() for d in given(body, inherited, moment)}
    live = {id: api.find(f"{PATHS['coupon']}/{id}") for id in used if id}
    recorded, key = call.links.recorded_coupons(live), f"{INVOICE}:{call.id}"
    found = final_terms(body, moment=moment, live=live, recorded=recorded, key=key, inherited=inherited)
    items = from_stripe(with_items(api, body), StripeSubscription).items.data
    if not any(item.price.is_usage() for item in items):
        return found
    fixed = [id for id, coupon in live.items() if coupon and coupon.get("percent_off") is None]
    return without_fixed(found, fixed_in(found, fixed))


def _own_invoice(call: Call, terms: FinalTerms) -> Call:
    """Return the creation of the invoice, whose marker names the subscription in Stigg and in Stripe.

    One Stigg id may have several Stripe subscriptions, one after the other; each has an invoice of its own.
    """
    environment, stigg_id, *_ = LinkKey.parse(call.action.target).parts
    target = str(LinkKey(INVOICE, (environment, stigg_id, call.id)))
    action = Action(kind=ActionKind.FINAL_INVOICE_CREATE, lane=call.action.lane, target=target, after=terms.after())
    return Call(call.api, action, call.links)


def _put_line(call: Call, invoice: Found, net: Net, *, key: str) -> None:
    """Write one line with its tax fields to the invoice, unless it exists."""
    settings = call.links.tax_of()
    row = invoice.object
    name = ",".join(net.items)[:LONGEST]
    own_tax = {**settings, "tax_behavior": net.behavior or settings["tax_behavior"]} if settings else settings
    content = NewInvoiceItem(
        customer=row["customer"],
        invoice=row["id"],
        discountable=net.discountable,
        quantity=1,
        description="Changes before the end",
        period=Period(start=net.start, end=net.end),
        price_data=PriceData(currency=net.currency, product=net.product, unit_amount_decimal=Decimal(net.amount)),
        metadata={NAME: name},
    )
    automatic = (row.get("automatic_tax") or {}).get("enabled")
    params = taxed(
        content, own_tax, manual_rates(from_stripe(row, TaxTerms)) if automatic or not net.rates else net.rates
    )
    there = {
        (item.get("metadata") or {}).get(NAME)
        for page in call.api.pages(ITEMS.path, customer=row["customer"], invoice=row["id"])
        for item in page
    }
    if name not in there:
        ITEMS.create(call.api, params, key=f"{key}-{net.items[0]}")


def _switch_on(call: Call, id: str, nets: Sequence[Net], *, key: str, now: int) -> list[str]:
    """Switch the invoice on if it bills exactly the nets and can be charged; else return a message for a person."""
    api, path = call.api, f"{INVOICES.path}/{id}"
    held = with_lines(api, api.get(path))
    if sorted(line["amount"] for line in held["lines"]["data"]) != sorted(net.amount for net in nets):
        return [f"{id} does not bill the {_sum(nets)} that were pending; look at it, and switch it on by hand."]
    balance = int((api.find(f"{PATHS['customer']}/{held['customer']}") or {}).get("balance") or 0)
    if not is_billable(held["total"], balance, held["currency"]):
        INVOICES.delete(call.api, id, key=f"{key}-gone")
        return [f"{_sum(nets)} were pending, which is less than Stripe charges; they are not billed."]
    timing = InvoiceTiming(auto_advance=True, automatically_finalizes_at=now + int(LONGER.total_seconds()))
    INVOICES.update(call.api, id, timing, key=f"{key}-pending-on")
    return []


def _sum(nets: Sequence[Net]) -> str:
    return shown(Decimal(sum(net.amount for net in nets)), nets[0].currency)


def _existing_invoice(call: Call, customer: str) -> Found | None:
    """Return the invoice that an interrupted run created."""
    for page in call.api.pages(INVOICES.path, customer=customer):
        for row in page:
            if call.is_target(Found(row)):
                return Found(row)
    return None


def _delete_left(call: Call, id: str, *, key: str) -> None:
    """Delete our item if it is still pending."""
    held = ITEMS.find(call.api, id)
    if held is not None and held.object.get("invoice") is None and not held.object.get("deleted"):
        ITEMS.delete(call.api, id, key=key)


def noted(found: Sequence[Pending]) -> list[dict[str, Any]]:
    """Return pending items in the form of an intent."""
    return [asdict(item) for item in found]

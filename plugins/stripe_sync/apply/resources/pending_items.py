"""What was pending of a canceled subscription: billed once on an invoice of ours, whatever Stripe leaves of it (BILLING 7).

Every step may be repeated: the invoice and its lines are found by their marks, under keys of the same intent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from stripe_sync.apply.links import Registry
from stripe_sync.apply.resources.final_invoice import INVOICES, invoice_params
from stripe_sync.apply.resources.item_tax import taxed
from stripe_sync.clients.stripe.client import StripeApi
from stripe_sync.clients.stripe.endpoints import PATHS
from stripe_sync.clients.stripe.whole import with_lines
from stripe_sync.core import keys, ownership
from stripe_sync.core.charge_minimum import is_billable
from stripe_sync.core.money import shown
from stripe_sync.domain.actual.pending_items import Net, Pending, settle
from stripe_sync.domain.actual.taxes import manual_rates
from stripe_sync.domain.plan.actions import Action
from stripe_sync.domain.plan.owed import INVOICE, LONGEST, NAME, owed_of
from stripe_sync.domain.usage.final_terms import final_terms
from stripe_sync.domain.usage.holds.leads import LONGER

ITEMS = PATHS["invoiceitem"]
Row = dict[str, Any]


def settle_pending(
    api: StripeApi, action: Action, registry: Registry, key: str, *, found: Sequence[Pending], now: int
) -> list[str]:
    """Bill what is positive, and return what a person has to see to; rows of it stay until it is done (domain/plan/owed.py).

    Of what Stripe left of ours, what was billed is deleted, and credits. What a person bills stays.
    """
    settlement = settle(found)
    told = bill(api, action, registry, key, nets=settlement.billed, now=now) if settlement.billed else []
    left = {id for net in settlement.billed for id in net.items} if told else set()
    for id in sorted(settlement.taken() - left):
        delete_left(api, id, f"{key}-{id}")
    return told + [row.sentence() for row in owed_of(action) if row.kind in ("credit", "foreign")]


def bill(api: StripeApi, action: Action, registry: Registry, key: str, *, nets: Sequence[Net], now: int) -> list[str]:
    """Put each product's net on an invoice of ours, one line each, and switch that on when all are there."""
    subscription = api.get(f"{PATHS['subscription']}/{registry.resolve(action.target)}", expand=["discounts"])
    terms = final_terms(subscription | {"discounts": []}, moment=now, live={}, recorded={}, key=key)
    if terms.problem:
        return [f"{shown_sum(nets)} were pending: {terms.problem} Bill them by hand."]
    invoice = marked_invoice(api, terms.customer, action, registry)
    if invoice is None:
        content = Action(kind="finalinvoice.create", lane=action.lane, target=target_of(action), after=terms.after())
        params: Any = invoice_params(content) | {"metadata": {ownership.FIELD: registry.signer.mark(target_of(action))}}
        invoice = api.write(
            f"post {INVOICES}", lambda c, o: c.v1.invoices.create(params, o), idempotency_key=f"{key}-pending"
        ).object
    if invoice["status"] != "draft" or invoice["auto_advance"]:
        return []
    for net in nets:
        put_line(api, invoice, net, key, settings=registry.tax_of())
    return switch_on(api, invoice["id"], nets, key=key, now=now)


def put_line(api: StripeApi, invoice: Row, net: Net, key: str, *, settings: Mapping[str, str]) -> None:
    """Put one line on the invoice, with the tax fields; one that is there already is left."""
    price = {"currency": net.currency, "product": net.product, "unit_amount_decimal": Decimal(net.amount)}
    own_tax = {**settings, "tax_behavior": net.behavior or settings["tax_behavior"]} if settings else settings
    content = {
        "customer": invoice["customer"], "invoice": invoice["id"], "discountable": False, "quantity": 1,
        "description": "Changes before the end", "period": {"start": net.start, "end": net.end},
        "price_data": price, "metadata": {NAME: ",".join(net.items)[:LONGEST]},
    }  # fmt: skip
    automatic = (invoice.get("automatic_tax") or {}).get("enabled")
    params: Any = taxed(content, own_tax, manual_rates(invoice) if automatic or not net.rates else net.rates)
    there = {
        (row.get("metadata") or {}).get(NAME)
        for page in api.pages(ITEMS, customer=invoice["customer"], invoice=invoice["id"]) for row in page
    }  # fmt: skip
    if params["metadata"][NAME] not in there:
        api.write(
            f"post {ITEMS}", lambda c, o: c.v1.invoice_items.create(params, o), idempotency_key=f"{key}-{net.items[0]}"
        )


def switch_on(api: StripeApi, id: str, nets: Sequence[Net], *, key: str, now: int) -> list[str]:
    """Switch the invoice on if it bills exactly the nets and can be charged; else a person is told."""
    held = with_lines(api, api.get(f"{INVOICES}/{id}"))
    if sorted(line["amount"] for line in held["lines"]["data"]) != sorted(net.amount for net in nets):
        return [f"{id} does not bill the {shown_sum(nets)} that were pending; look at it, and switch it on by hand."]
    balance = int((api.find(f"{PATHS['customer']}/{held['customer']}") or {}).get("balance") or 0)
    if not is_billable(held["total"], balance, held["currency"]):
        api.write(
            f"delete {INVOICES}/{{id}}", lambda c, o: c.v1.invoices.delete(id, {}, o), idempotency_key=f"{key}-gone"
        )
        return [f"{shown_sum(nets)} were pending, which is less than Stripe charges; they are not billed."]
    params: Any = {"auto_advance": True, "automatically_finalizes_at": now + int(LONGER.total_seconds())}
    api.write(
        f"post {INVOICES}/{{id}}", lambda c, o: c.v1.invoices.update(id, params, o), idempotency_key=f"{key}-pending-on"
    )
    return []


def shown_sum(nets: Sequence[Net]) -> str:
    return shown(Decimal(sum(net.amount for net in nets)), nets[0].currency)


def target_of(action: Action) -> str:
    """Return the name of the invoice for what was pending of a subscription, in its mark."""
    return keys.link_key(INVOICE, *action.target.split(":")[1:])


def marked_invoice(api: StripeApi, customer: str, action: Action, registry: Registry) -> Row | None:
    """Return the invoice that an interrupted run made for it."""
    for page in api.pages(INVOICES, customer=customer):
        for row in page:
            if registry.signer.key_of((row.get("metadata") or {}).get(ownership.FIELD)) == target_of(action):
                return row
    return None


def delete_left(api: StripeApi, id: str, key: str) -> None:
    """Delete an item of ours that is pending still; one that is gone, or on an invoice, is left."""
    held = api.find(f"{ITEMS}/{id}")
    if held is not None and held.get("invoice") is None and not held.get("deleted"):
        api.write(f"delete {ITEMS}/{{id}}", lambda c, o: c.v1.invoice_items.delete(id, {}, o), idempotency_key=key)


def noted(found: Sequence[Pending]) -> list[dict[str, Any]]:
    """Return pending items as an intent keeps them."""
    return [asdict(item) for item in found]

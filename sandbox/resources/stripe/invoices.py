"""Invoices: read, listed, made by hand, changed and deleted while they are drafts."""

from __future__ import annotations

from typing import Any

from sandbox.billing import balance, drafts, finalizing, invoices, stopping
from sandbox.billing.lines import item_line, oldest, owner_of, room
from sandbox.resources.stripe import invoice_terms, limits, payers
from sandbox.resources.stripe.objects import emit, get, listed, page
from sandbox.resources.stripe.routes import PAGING, Call, route
from sandbox.world import currencies
from sandbox.world.forms import merge_metadata
from sandbox.world.refusal import invalid, only_one
from sandbox.world.state import DAY, Obj, World

SHOWN_LINES = 10
YEARS_AHEAD = 5 * 366 * 86_400
ON_FINAL = {"metadata", "expand", "auto_advance", "default_payment_method"}
NO_DUE_DATE = "If invoice collection method is 'send_invoice', you must specify 'due_date' or 'days_until_due'."
DUE_DATE_OF_NONE = "You can only specify 'due_date' or 'days_until_due' if invoice collection method is 'send_invoice'."
RENDERING = {"amount_tax_display": None, "pdf": {"page_size": "auto"}, "template": None, "template_version": None}
CREATES = (
    "customer", "currency", "collection_method", "days_until_due", "due_date", "auto_advance", "metadata",
    "pending_invoice_items_behavior", "automatically_finalizes_at", "default_payment_method", "default_source", "subscription",
    *invoice_terms.LOOKS,
)  # fmt: skip


def shown(world: World, invoice: Obj) -> Obj:
    """Return an invoice as answers have it: its first ten lines, and of a draft the balance that it would take now."""
    rows = invoice["lines"]["data"]
    lines = {"data": rows[:SHOWN_LINES], "has_more": len(rows) > SHOWN_LINES, "total_count": len(rows)}
    result = invoice | {"lines": invoice["lines"] | lines}
    if invoice["status"] == "draft":
        due = max(0, invoice["total"] + balance.of_customer(world, invoice))
        result |= {"starting_balance": balance.of_customer(world, invoice), "amount_due": due, "amount_remaining": due}
    return result


def found(call: Call, *, param: str = "invoice") -> Obj:
    """Return the invoice of the path; which parameter an unknown id blames depends on the route (FACTS_B 52)."""
    return get(call.world, "invoices", call.ids[0], kind="invoice", param=param)


@route("get", "/v1/invoices/{invoice}")
def retrieve_invoice(call: Call) -> Obj:
    return shown(call.world, found(call))


@route("post", "/v1/invoices", *CREATES, *invoice_terms.NAMES)
def create_invoice(call: Call) -> Obj:
    """A draft that nothing advances unless ``auto_advance`` says so (FACTS_B 1-11)."""
    world, params = call.world, call.params
    customer = payers.named(world, params)
    method = params.get("collection_method", "charge_automatically")
    check_due(params, method)
    subscription = of_subscription(world, params, customer)
    if subscription is not None:
        limits.check_invoices(world, subscription["id"])
    for name in ("default_payment_method", "default_source"):
        payers.check_method(world, customer["id"], params.get(name), param=name)
    requested = params.get("currency")
    currency = (
        (requested and currencies.check(requested))
        or (subscription or {}).get("currency")
        or payers.currency_of(world, customer)
    )
    payers.check_currency(customer, currency)
    invoice = invoices.standalone(world, customer, currency, method)
    invoice |= {
        "auto_advance": bool(params.get("auto_advance", False)),
        "due_date": due_date(world, params),
        "rendering": RENDERING,
        "metadata": merge_metadata({}, params.get("metadata")),
        **{name: params.get(name) or None for name in ("default_payment_method", "default_source")},
    }
    invoice |= invoice_terms.terms(world, customer, params) | invoice_terms.looks(invoice, params)
    if subscription is not None:
        details = {"subscription": subscription["id"], "metadata": dict(subscription["metadata"])}
        kind = "subscription_details"
        invoice["parent"] = {"type": kind, "quote_details": None, "subscription_details": details}
    drafts.schedule(world, invoice)
    check_timing(world, invoice, params)
    set_timing(world, invoice, params)
    world.put("invoices", invoice)
    customer["currency"] = currency  # null until the first invoice (FACTS_B 65)
    if params.get("pending_invoice_items_behavior", "exclude") == "include":
        take_pending(world, invoice, params.get("subscription"))
    emit(call, "invoice.created", invoice)
    return shown(world, invoice)


def of_subscription(world: World, params: Obj, customer: Obj) -> Obj | None:
    """Return the subscription that an invoice is made for, None where none is named."""
    if not params.get("subscription"):
        return None
    subscription = get(
        world, "subscriptions", params["subscription"], kind="subscription", param="subscription", status=400
    )
    if subscription["customer"] != customer["id"]:
        raise invalid("The subscription belongs to another customer.", param="subscription")
    return subscription


def check_due(params: Obj, method: str) -> None:
    """An invoice that is sent has a due date, and no other has one (FACTS_B 48, 49)."""
    given = {"days_until_due", "due_date"} & set(params)
    if len(given) > 1:
        raise only_one("due_date", "days_until_due")
    if method == "send_invoice" and not given:
        raise invalid(NO_DUE_DATE)
    if method == "charge_automatically" and given:
        raise invalid(DUE_DATE_OF_NONE)


def due_date(world: World, params: Obj) -> int | None:
    """Return the due date, fixed when the invoice is made (FACTS_B 38)."""
    if "days_until_due" in params:
        return int(world.now + params["days_until_due"] * DAY)
    return params.get("due_date")


def take_pending(world: World, invoice: Obj, subscription: str | None) -> None:
    """Put what is pending on a draft, newest first (FACTS_B 3): of the customer, or of the subscription that it names.

    Items of another currency stay pending (SB 11.12), and the newest of more than 250 (SB 3.2).
    """
    same = {"invoice": None, "customer": invoice["customer"], "currency": invoice["currency"]}
    found = [i for i in world.newest_first("invoiceitems") if {name: i[name] for name in same} == same]
    for item in oldest([i for i in found if subscription in (None, owner_of(i))], room(invoice["lines"]["data"])):
        item["invoice"] = invoice["id"]
        invoices.add_line(world, invoice, item_line(world, item))


@route("post", "/v1/invoices/{invoice}", "automatically_finalizes_at", "auto_advance", "metadata", "default_payment_method",
       "days_until_due", "due_date", "collection_method", "default_tax_rates", *invoice_terms.LOOKS)  # fmt: skip
def update_invoice(call: Call) -> Obj:
    """A draft; of a finalized invoice the metadata, and whether and from what Stripe collects it (FACTS_B 41)."""
    world, params = call.world, call.params
    invoice = found(call, param="id")
    before = dict(invoice)
    refuse_final(invoice, params)
    check_timing(world, invoice, params)
    given = invoice_terms.rates(world, params, automatic=invoice["automatic_tax"]["enabled"])
    payers.check_method(world, invoice["customer"], params.get("default_payment_method"))
    if "collection_method" in params:
        check_due(params, params["collection_method"])
        invoice |= {"collection_method": params["collection_method"], "due_date": due_date(world, params)}
    elif {"days_until_due", "due_date"} & set(params):
        check_due(params, invoice["collection_method"])
        invoice["due_date"] = due_date(world, params)
    if "default_tax_rates" in params:
        invoice["default_tax_rates"] = given
        invoices.add_up(world, invoice)
    set_timing(world, invoice, params)
    if "default_payment_method" in params:
        invoice["default_payment_method"] = params["default_payment_method"] or None
    invoice |= invoice_terms.looks(invoice, params)
    invoice["metadata"] = merge_metadata(invoice["metadata"], params.get("metadata"))
    emit(call, "invoice.updated", invoice, before)
    return shown(world, invoice)


def refuse_final(invoice: Obj, params: Obj) -> None:
    """Nothing else of a finalized invoice changes (FACTS_B 41); one that is over is not collected again either."""
    allowed = ON_FINAL if invoice["status"] == "open" else {"metadata", "expand"}
    wrong = [name for name in params if name not in allowed]
    if invoice["status"] != "draft" and wrong:
        raise invalid("Finalized invoices can't be updated in this way", param=wrong[0])


def set_timing(world: World, invoice: Obj, params: Obj) -> None:
    """Set ``auto_advance`` and the time of finalization, which counts only while that is on (SB 6.1)."""
    if params.get("auto_advance"):
        stopping.check_advance(world, invoice)
    if "auto_advance" in params:
        invoice["auto_advance"] = bool(params["auto_advance"])
    if invoice["status"] == "open" and "auto_advance" in params:
        finalizing.await_collection(world, invoice)
        return
    if "auto_advance" in params or "collection_method" in params:
        drafts.schedule(world, invoice)
    moment = params.get("automatically_finalizes_at")
    if moment is not None and invoice["auto_advance"]:
        drafts.set_time(invoice, moment)


def check_timing(world: World, invoice: Obj, params: Obj) -> None:
    """Refuse a time of finalization before anything is changed."""
    moment = params.get("automatically_finalizes_at")
    if moment is None:
        return
    check_time(world, moment)
    if not params.get("auto_advance", invoice["auto_advance"]) and world.unknowns["time_needs_auto_advance"]:
        raise invalid(
            "You can only set `automatically_finalizes_at` if `auto_advance` is true.",
            param="automatically_finalizes_at",
        )


def check_time(world: World, moment: Any) -> None:
    if not world.unknowns["finalization_moves"]:
        raise invalid(
            "automatically_finalizes_at cannot be set on an invoice of a subscription.",
            param="automatically_finalizes_at",
        )
    least = drafts.HOUR if world.unknowns["short_leads_refused"] else 1
    if not isinstance(moment, int) or not world.now + least <= moment <= world.now + YEARS_AHEAD:
        raise invalid(
            "automatically_finalizes_at must be in the future and at most five years ahead",
            param="automatically_finalizes_at",
        )


@route("delete", "/v1/invoices/{invoice}")
def delete_invoice(call: Call) -> Obj:
    """Only a one-off draft; the items that it had taken go with it (FACTS_B 12, 13), and no subscription's draft (SB 2.9)."""
    world, invoice = call.world, found(call)
    if invoice["status"] != "draft":
        raise invalid("You can only delete draft invoices.")
    if stopping.subscription_of(invoice) is not None:
        raise invalid("You cannot delete an invoice that was created by a subscription.")
    for item in world.stripe["invoiceitems"].values():
        if item["invoice"] == invoice["id"]:
            item["gone"] = True
    world.bury("invoices", invoice)
    emit(call, "invoice.deleted", invoice)
    return {"id": invoice["id"], "object": "invoice", "deleted": True}


@route("get", "/v1/invoices", *PAGING, "customer", "status", "subscription", "collection_method")
def list_invoices(call: Call) -> Obj:
    filters = {name: call.params[name] for name in ("customer", "status", "collection_method") if name in call.params}
    subscription = call.params.get("subscription")

    def keep(invoice: Obj) -> bool:
        of = ((invoice["parent"] or {}).get("subscription_details") or {}).get("subscription")
        return subscription in (None, of) and all(invoice[name] == value for name, value in filters.items())

    answer = listed(call, "invoices", keep)
    return answer | {"data": [shown(call.world, invoice) for invoice in answer["data"]]}


@route("get", "/v1/invoices/{invoice}/lines", *PAGING - {"created"})
def list_invoice_lines(call: Call) -> Obj:
    """A page of lines, without ``total_count`` (FACTS_B 24)."""
    invoice = found(call)
    return page(call, invoice["lines"]["data"], f"/v1/invoices/{invoice['id']}/lines", invoice.get("removed"))

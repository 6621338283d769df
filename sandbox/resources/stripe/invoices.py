"""Invoices, to be read."""

from __future__ import annotations

from sandbox.resources.stripe.objects import get, listed, page
from sandbox.resources.stripe.routes import PAGING, Call, route
from sandbox.world.state import Obj


@route("get", "/v1/invoices/{invoice}")
def retrieve_invoice(call: Call) -> Obj:
    return get(call.world, "invoices", call.ids[0], kind="invoice")


@route("get", "/v1/invoices", *PAGING, "customer", "status", "subscription")
def list_invoices(call: Call) -> Obj:
    customer, status, subscription = (call.params.get(name) for name in ("customer", "status", "subscription"))

    def keep(invoice: Obj) -> bool:
        of = invoice["parent"]["subscription_details"]["subscription"]
        return (
            customer in (None, invoice["customer"])
            and status in (None, invoice["status"])
            and subscription in (None, of)
        )

    return listed(call, "invoices", keep)


@route("get", "/v1/invoices/{invoice}/lines", *PAGING - {"created"})
def list_invoice_lines(call: Call) -> Obj:
    invoice = get(call.world, "invoices", call.ids[0], kind="invoice")
    return page(call, invoice["lines"]["data"], f"/v1/invoices/{invoice['id']}/lines")

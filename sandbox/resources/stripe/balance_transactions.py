"""The ledger of a customer's balance."""

from __future__ import annotations

from sandbox.billing import balance
from sandbox.resources.stripe.objects import event_sink, get, listed
from sandbox.resources.stripe.payment_methods import living
from sandbox.resources.stripe.routes import PAGING, Call, route
from sandbox.world.forms import merge_metadata
from sandbox.world.refusal import invalid
from sandbox.world.state import Obj


@route("get", "/v1/customers/{customer}/balance_transactions", *PAGING, "invoice")
def list_balance_transactions(call: Call) -> Obj:
    customer = living(call.world, call.ids[0], param="id", status=404)["id"]
    invoice = call.params.get("invoice")
    answer = listed(
        call, "balance_transactions", lambda t: t["customer"] == customer and invoice in (None, t["invoice"])
    )
    return answer | {"url": f"/v1/customers/{customer}/balance_transactions"}


@route("get", "/v1/customers/{customer}/balance_transactions/{transaction}")
def retrieve_balance_transaction(call: Call) -> Obj:
    return get(call.world, "balance_transactions", call.ids[1], kind="customer balance transaction")


@route("post", "/v1/customers/{customer}/balance_transactions/{transaction}", "description", "metadata")
def update_balance_transaction(call: Call) -> Obj:
    row = get(call.world, "balance_transactions", call.ids[1], kind="customer balance transaction")
    if "description" in call.params:
        row["description"] = call.params["description"] or None
    row["metadata"] = merge_metadata(row["metadata"], call.params.get("metadata"))
    return row


@route("post", "/v1/customers/{customer}/balance_transactions", "amount", "currency", "description", "metadata")
def create_balance_transaction(call: Call) -> Obj:
    """A credit (negative) or a debt that a person writes."""
    params = call.params
    customer = living(call.world, call.ids[0], param="id", status=404)
    if customer["currency"] not in (None, params["currency"]):
        raise invalid(f"The customer's balance is in {customer['currency']}.", param="currency")
    row = balance.move(
        call.world, customer["id"], params["amount"], event_sink(call), type="adjustment", currency=params["currency"],
        description=params.get("description"), metadata=merge_metadata({}, params.get("metadata")),
    )  # fmt: skip
    if row is None:
        raise invalid("The amount of a balance transaction cannot be 0.", param="amount")
    return row

"""Questions to Stripe about what automatic tax refuses (SB 17.3, 17.4); time passes on a test clock."""

from __future__ import annotations

from stripe_sync.clients.stripe.raw_requests import Refused
from stripe_sync.domain.model.stripe_status import InvoiceStatus
from stripe_sync.jobs.setup.probing.answers import No, Open, ProbeResult, Yes
from stripe_sync.jobs.setup.probing.questions import Asking, question
from stripe_sync.jobs.setup.probing.test_account import NAME, Account, Obj, period_end

LOCATION = "customer_tax_location_invalid"
NOT_SET_UP = Open("Stripe Tax is not set up in this account: set it up and probe again.")


def is_set_up(account: Account) -> bool:
    """Return whether the account computes automatic tax."""
    return bool(account.get("/v1/tax/settings")["status"] == "active")


def taxable_product(account: Account) -> str:
    """Return the id of a new product with a tax code, which probe archives."""
    return str(account.make("product", "/v1/products", name=NAME, tax_code="txcd_10103001")["id"])


@question("one_off_without_location")
def one_off_without_location(asking: Asking) -> ProbeResult:
    """Create a taxed invoice for a customer without an address, and wait until it would be finalized."""
    account = asking.account
    if not is_set_up(account):
        return NOT_SET_UP
    clock = account.clock()
    customer = account.customer(clock)
    terms: Obj = {"currency": "usd", "collection_method": "send_invoice", "days_until_due": 30, "auto_advance": True}
    try:
        made = account.post("/v1/invoices", customer=customer, automatic_tax={"enabled": True}, **terms)
    except Refused as refused:
        if refused.is_about(code=LOCATION):
            return Yes(str(refused))
        raise
    line: Obj = {
        "product": taxable_product(account),
        "currency": "usd",
        "unit_amount": 1000,
        "tax_behavior": "exclusive",
    }
    account.post("/v1/invoiceitems", customer=customer, invoice=made["id"], quantity=1, price_data=line)
    account.await_final(clock, made["id"])
    after = account.invoice(made["id"])
    error = (after["last_finalization_error"] or {}).get("code")
    if after["status"] == InvoiceStatus.DRAFT and error == LOCATION:
        return No("It is a draft, and its finalization fails.")
    return Open(f"It is {after['status']}, with the error {error}.")


@question("pending_negative_with_tax")
def pending_negative_with_tax(asking: Asking) -> ProbeResult:
    """Leave a pending item of -1.00 to the renewal of a taxed subscription, and see whether it is finalized."""
    account = asking.account
    if not is_set_up(account):
        return NOT_SET_UP
    clock = account.clock()
    address: Obj = {
        "line1": "354 Oyster Point Blvd",
        "city": "South San Francisco",
        "state": "CA",
        "postal_code": "94080",
        "country": "US",
    }
    customer = account.customer(clock, address=address)
    price = account.price(tax_behavior="exclusive")
    made = account.subscription(customer, {"price": price, "quantity": 1}, automatic_tax={"enabled": True})
    try:
        less: Obj = {
            "product": taxable_product(account),
            "currency": "usd",
            "unit_amount": -100,
            "tax_behavior": "exclusive",
        }
        account.post("/v1/invoiceitems", customer=customer, subscription=made["id"], quantity=1, price_data=less)
    except Refused as refused:
        if refused.is_about(param="price_data[unit_amount]"):
            return Yes(f"The item itself is refused: {refused}")
        raise
    account.await_renewal(clock, customer, period_end(made))
    newest = account.invoices(customer)[0]
    error = (newest["last_finalization_error"] or {}).get("code")
    if newest["status"] == InvoiceStatus.DRAFT and error:
        return Yes(f"The renewal stays a draft: {error}.")
    if newest["status"] != InvoiceStatus.DRAFT and any(found["amount"] == -100 for found in newest["lines"]["data"]):
        return No(f"It is {newest['status']}, and asks for {newest['total']}.")
    return Open(f"The renewal is {newest['status']}, with the error {error}.")

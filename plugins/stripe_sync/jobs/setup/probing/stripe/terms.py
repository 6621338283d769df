"""Questions to Stripe about values, currencies and terms that a request may have; no time passes."""

from __future__ import annotations

from stripe_sync.clients.stripe.raw_requests import Refused
from stripe_sync.jobs.setup.probing.answers import No, ProbeResult, Yes
from stripe_sync.jobs.setup.probing.questions import Asking, question
from stripe_sync.jobs.setup.probing.stripe import readings
from stripe_sync.jobs.setup.probing.test_account import DAY, NAME, START, Account, Obj

CURRENCIES = ("eur", "usd")
RECURRING = {"interval": "month"}


@question("currency_of_pending")
def currency_of_pending(asking: Asking) -> ProbeResult:
    """Make an invoice without a currency for a customer with nothing, and for one with an item in another currency."""
    account = asking.account
    own = draft(account, account.customer())["currency"]
    other = next(currency for currency in CURRENCIES if currency != own)
    customer = account.customer()
    account.item(customer, 100, currency=other)
    invoice = draft(account, customer)["currency"]
    return readings.currency_of_pending(account=own, item=other, invoice=invoice)


def draft(account: Account, customer: str) -> Obj:
    """Make a draft that names no currency; it is deleted before its customer."""
    return account.make("invoice", "/v1/invoices", customer=customer, auto_advance=False)


@question("both_due_dates")
def both_due_dates(asking: Asking) -> ProbeResult:
    """Make an invoice with a due date and days until it is due."""
    account = asking.account
    given: Obj = {
        "collection_method": "send_invoice",
        "days_until_due": 3,
        "due_date": START + DAY,
        "auto_advance": False,
    }
    customer = account.customer(account.clock())
    try:
        account.post("/v1/invoices", customer=customer, currency="usd", **given)
    except Refused as refused:
        if refused.is_about(param="due_date") or refused.is_about(param="days_until_due", text="days_until_due"):
            return Yes(refused.message)
        raise
    return No()


@question("refused_values")
def refused_values(asking: Asking) -> ProbeResult:
    """Send an address without a domain's end, a percentage of three places, tiers out of order, and one without an amount."""
    account = asking.account
    product = account.make("product", "/v1/products", name=NAME)["id"]
    coupon: Obj = {"percent_off": "33.333", "duration": "forever", "name": NAME}
    disordered: list[Obj] = [
        {"up_to": 20, "unit_amount": 5},
        {"up_to": 10, "unit_amount": 4},
        {"up_to": "inf", "unit_amount": 3},
    ]
    empty: list[Obj] = [{"up_to": 10}, {"up_to": "inf", "unit_amount": 3}]
    tiered: Obj = {
        "product": product,
        "currency": "usd",
        "recurring": RECURRING,
        "billing_scheme": "tiered",
        "tiers_mode": "graduated",
    }
    return readings.refused_values(
        {
            "e-mail": is_refused(account, "customer", "/v1/customers", about="email", name=NAME, email="a@b"),
            "percentage": is_refused(account, "coupon", "/v1/coupons", about="percent_off", **coupon),
            "order of tiers": is_refused(account, "price", "/v1/prices", about="tiers", **tiered, tiers=disordered),
            "tier without amount": is_refused(account, "price", "/v1/prices", about="tiers", **tiered, tiers=empty),
        }
    )


def is_refused(account: Account, kind: str, path: str, /, *, about: str, **given: object) -> bool:
    """Make an object, and return whether Stripe refuses it because of one parameter. Raises Refused for another reason."""
    try:
        account.make(kind, path, **given)
    except Refused as refused:
        if refused.is_about(param=about):
            return True
        raise
    return False

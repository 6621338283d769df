"""Questions to Stripe about the draft of a renewal; time passes on a test clock."""

from __future__ import annotations

from typing import Any

from stripe_sync.clients.stripe.raw_requests import Refused
from stripe_sync.domain.model.stripe_status import InvoiceStatus
from stripe_sync.jobs.setup.probing.answers import No, Open, ProbeResult, Yes
from stripe_sync.jobs.setup.probing.questions import Asking, question
from stripe_sync.jobs.setup.probing.test_account import DAY, HOUR, MINUTE, NAME, START, Account, Obj, period_end


def renewed(account: Account, amount: int = 1000, **more: Any) -> tuple[str, Obj, Obj]:
    """Return the clock, the subscription and the newest invoice of one that has just renewed."""
    clock = account.clock()
    customer = account.customer(clock)
    made = account.subscription(customer, {"price": account.price(amount), "quantity": 1}, **more)
    account.advance(clock, period_end(made) + MINUTE)
    newest = account.invoices(customer)[0]
    if newest["billing_reason"] != "subscription_cycle":
        raise ValueError(f"the newest invoice is of {newest['billing_reason']}")
    return clock, made, newest


@question("zero_renewal_waits")
def zero_renewal_waits(asking: Asking) -> ProbeResult:
    """Renew a subscription of 0."""
    _, _, newest = renewed(asking.account, 0)
    return Yes() if newest["status"] == InvoiceStatus.DRAFT else No(f"It is {newest['status']} within a minute.")


@question("finalization_moves")
def finalization_moves(asking: Asking) -> ProbeResult:
    """Move the time of a renewal's draft by two hours."""
    account = asking.account
    _, _, draft = renewed(account)
    moment = draft["automatically_finalizes_at"] + 2 * HOUR
    try:
        shift = account.post(f"/v1/invoices/{draft['id']}", automatically_finalizes_at=moment, auto_advance=True)
    except Refused as refused:
        if refused.is_about(param="automatically_finalizes_at"):
            return No(str(refused))
        raise
    return Yes() if shift["automatically_finalizes_at"] == moment else No("It is taken, and the time does not move.")


@question("item_moves_finalization")
def item_moves_finalization(asking: Asking) -> ProbeResult:
    """Put an item on a renewal's draft, and compare its time before and after."""
    account = asking.account
    clock, made, draft = renewed(account)
    account.advance(clock, draft["created"] + 10 * MINUTE)
    account.item(draft["customer"], 100, invoice=draft["id"], subscription=made["id"])
    after = account.invoice(draft["id"])["automatically_finalizes_at"]
    shift = after - draft["automatically_finalizes_at"]
    return Yes(f"By {shift} s.") if shift else No()


@question("items_inherit_tax_rates")
def items_inherit_tax_rates(asking: Asking) -> ProbeResult:
    """Put an item without rates on the renewal of a subscription with ``default_tax_rates``, and read the taxes of its line."""
    account = asking.account
    rate = account.make("rate", "/v1/tax_rates", display_name=NAME, percentage=10, inclusive=False)["id"]
    _, made, draft = renewed(account, default_tax_rates=[rate])
    item = account.item(draft["customer"], 100, invoice=draft["id"], subscription=made["id"])["id"]
    lines = list(account.requests.rows(f"/v1/invoices/{draft['id']}/lines"))
    of_item = [line for line in lines if (line["parent"].get("invoice_item_details") or {}).get("invoice_item") == item]
    others = [line for line in lines if line not in of_item]
    if len(of_item) != 1 or not any(line["taxes"] for line in others):
        return Open("The renewal's own lines are not taxed, or the item has no line.")
    return Yes() if of_item[0]["taxes"] else No()


@question("isk_rounds")
def isk_rounds(asking: Asking) -> ProbeResult:
    """Send an invoice of 663.3 kronur (990 less 33 %, in hundredths 66330), and see whether it is finalized."""
    account = asking.account
    clock = account.clock()
    customer = account.customer(clock)
    coupon = account.make("coupon", "/v1/coupons", percent_off=33, duration="forever", name=NAME)["id"]
    price = account.price(99_000, currency="isk")
    account.subscription(customer, {"price": price, "quantity": 1}, discounts=[{"coupon": coupon}])
    account.await_final(clock, account.invoices(customer)[0]["id"])
    first = account.invoices(customer)[0]
    if first["status"] == InvoiceStatus.DRAFT:
        return No(f"It stays a draft: {(first['last_finalization_error'] or {}).get('code')}.")
    return Yes(f"{first['amount_due']} are due.")


@question("missing_location_finalizes")
def missing_location_finalizes(asking: Asking) -> ProbeResult:
    """Take the address of a taxed customer away before the renewal, and see what is finalized."""
    account = asking.account
    if account.get("/v1/tax/settings")["status"] != "active":
        return Open("Stripe Tax is not set up in this account: set it up and probe again.")
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
    account.advance(clock, START + DAY)
    account.post(f"/v1/customers/{customer}", address="")
    account.await_renewal(clock, customer, period_end(made))
    newest = account.invoices(customer)[0]
    error = (newest["last_finalization_error"] or {}).get("code")
    if newest["status"] == InvoiceStatus.DRAFT and error == "customer_tax_location_invalid":
        return No("The renewal stays a draft.")
    reason = newest["automatic_tax"]["disabled_reason"]
    if newest["status"] != InvoiceStatus.DRAFT and reason:
        return Yes(f"Automatic tax is switched off: {reason}.")
    return Open(f"The renewal is {newest['status']}, with the error {error} and the reason {reason}.")

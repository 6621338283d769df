"""Questions to Stripe about bank debits, which succeed or fail days after the call; time passes on a test clock.

Each leaves the row open where Stripe wants a mandate of the account first, which no API gives without a person.
"""

from __future__ import annotations

from stripe_sync.clients.stripe.raw_requests import Refused
from stripe_sync.domain.model.stripe_status import SubscriptionStatus
from stripe_sync.jobs.setup.probing.answers import No, Open, ProbeResult, Yes
from stripe_sync.jobs.setup.probing.questions import Asking, question
from stripe_sync.jobs.setup.probing.test_account import DAY, START, Account, Obj

PAYS, FAILS = "000123456789", "000222222227"  # Stripe's test accounts; the second has no funds
ANSWERED = 14  # days after which a bank has answered
PAST_DUE = ("past_due", "unpaid")


@question("debit_refused_at_once")
def debit_refused_at_once(asking: Asking) -> ProbeResult:
    """Make a subscription that a bank account pays, with ``error_if_incomplete``."""
    account = asking.account
    try:
        debited(account, account.clock(), PAYS, behavior="error_if_incomplete")
    except Refused as refused:
        if refused.status == 402:
            return Yes(str(refused))
        raise
    return No()


@question("debit_leaves_incomplete")
def debit_leaves_incomplete(asking: Asking) -> ProbeResult:
    """Make a subscription that a bank account pays, with ``allow_incomplete``, and read its status."""
    account = asking.account
    status = debited(account, account.clock(), PAYS, behavior="allow_incomplete")["status"]
    if status in (SubscriptionStatus.INCOMPLETE, SubscriptionStatus.ACTIVE):
        return Yes() if status == SubscriptionStatus.INCOMPLETE else No()
    return Open(f"The subscription is {status}.")


@question("failed_debit_expires")
def failed_debit_expires(asking: Asking) -> ProbeResult:
    """Let two weeks pass over a first debit that fails, and read the subscription's status."""
    account = asking.account
    clock = account.clock()
    made = debited(account, clock, FAILS, behavior="allow_incomplete")
    account.advance(clock, START + ANSWERED * DAY)
    status = account.get(f"/v1/subscriptions/{made['id']}")["status"]
    if status == SubscriptionStatus.INCOMPLETE_EXPIRED:
        return Yes()
    return (
        No(f"It is {status}.") if status in PAST_DUE else Open(f"The subscription is {status} after {ANSWERED} days.")
    )


def debited(account: Account, clock: str, number: str, *, behavior: str) -> Obj:
    """Return a new subscription of 10.00 that a US bank account pays. Raises Refused."""
    customer = account.customer(clock)
    form = {"account_number": number, "routing_number": "110000000", "account_holder_type": "individual"}
    method = account.post(
        "/v1/payment_methods", type="us_bank_account", us_bank_account=form, billing_details={"name": "Probe"}
    )
    account.post(f"/v1/payment_methods/{method['id']}/attach", customer=customer)
    account.post(f"/v1/customers/{customer}", invoice_settings={"default_payment_method": method["id"]})
    items = [{"price": account.price(), "quantity": 1}]
    return account.post(
        "/v1/subscriptions",
        customer=customer,
        items=items,
        payment_behavior=behavior,
        billing_mode={"type": "flexible"},
    )

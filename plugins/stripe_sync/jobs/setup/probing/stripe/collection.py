"""Questions to Stripe about declined renewals, on a test clock that follows the account's retry schedule."""

from __future__ import annotations

from stripe_sync.domain.model.stripe_status import SubscriptionStatus
from stripe_sync.jobs.setup.probing.answers import ProbeResult
from stripe_sync.jobs.setup.probing.questions import Asking, question
from stripe_sync.jobs.setup.probing.stripe import readings
from stripe_sync.jobs.setup.probing.test_account import HOUR, Account, Obj, period_end

CHARGEABLE_CARD, DECLINING_CARD = "pm_card_visa", "pm_card_chargeCustomerFail"
MAX_ATTEMPTS = 12


def set_default_card(account: Account, customer: str, token: str) -> None:
    """Make a test card the default of a customer."""
    card = account.post(f"/v1/payment_methods/{token}/attach", customer=customer)["id"]
    account.post(f"/v1/customers/{customer}", invoice_settings={"default_payment_method": card})


def decline_renewal(account: Account) -> tuple[str, Obj, list[int]]:
    """Let a renewal be declined until Stripe gives up; return test clock, subscription and times of the attempts (Unix seconds)."""
    clock = account.clock()
    customer = account.customer(clock)
    set_default_card(account, customer, CHARGEABLE_CARD)
    items = {"price": account.price(), "quantity": 1}
    subscription = account.post(
        "/v1/subscriptions",
        customer=customer,
        items=[items],
        collection_method="charge_automatically",
        billing_mode={"type": "flexible"},
        payment_behavior="error_if_incomplete",
    )
    set_default_card(account, customer, DECLINING_CARD)
    account.await_renewal(clock, customer, period_end(subscription))
    invoice = account.invoices(customer)[0]
    attempts = [invoice["status_transitions"]["finalized_at"]]
    while (next_attempt := invoice["next_payment_attempt"]) and len(attempts) <= MAX_ATTEMPTS:
        attempts.append(next_attempt)
        account.advance(clock, next_attempt + HOUR)
        invoice = account.invoice(invoice["id"])
    return clock, account.get(f"/v1/subscriptions/{subscription['id']}"), attempts


@question("payment_timetable")
def payment_timetable(asking: Asking) -> ProbeResult:
    """Let a renewal be declined, and read the times of the attempts."""
    _, subscription, attempts = decline_renewal(asking.account)
    return readings.timetable(attempts, subscription["status"])


@question("unpaid_renewals_stay_drafts")
def unpaid_renewals_stay_drafts(asking: Asking) -> ProbeResult:
    """Let a renewal be declined to the end, and read the next renewal."""
    account = asking.account
    clock, subscription, _ = decline_renewal(account)
    if subscription["status"] != SubscriptionStatus.UNPAID:
        return readings.renewal_of_unpaid(subscription["status"], "")
    before = {invoice["id"] for invoice in account.invoices(subscription["customer"])}
    account.await_renewal(clock, subscription["customer"], period_end(subscription))
    new_renewals = [row["status"] for row in account.invoices(subscription["customer"]) if row["id"] not in before]
    return readings.renewal_of_unpaid("unpaid", new_renewals[0] if new_renewals else "")

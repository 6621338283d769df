"""Questions to Stripe about payments that fail, on a test clock through the account's own timetable."""

from __future__ import annotations

from stripe_sync.domain.model.stripe_status import SubscriptionStatus
from stripe_sync.jobs.setup.probing.answers import ProbeResult
from stripe_sync.jobs.setup.probing.questions import Asking, question
from stripe_sync.jobs.setup.probing.stripe import readings
from stripe_sync.jobs.setup.probing.test_account import HOUR, Account, Obj, period_end

GOOD, DECLINING = "pm_card_visa", "pm_card_chargeCustomerFail"
MOST_TRIES = 12


def give_card(account: Account, customer: str, token: str) -> None:
    """Make a test card the default of a customer."""
    card = account.post(f"/v1/payment_methods/{token}/attach", customer=customer)["id"]
    account.post(f"/v1/customers/{customer}", invoice_settings={"default_payment_method": card})


def failing(account: Account) -> tuple[str, Obj, list[int]]:
    """Return a clock, the subscription whose renewal was declined until Stripe gave up, and when it was tried (Unix seconds)."""
    clock = account.clock()
    customer = account.customer(clock)
    give_card(account, customer, GOOD)
    items = {"price": account.price(), "quantity": 1}
    made = account.post(
        "/v1/subscriptions", customer=customer, items=[items], collection_method="charge_automatically",
        billing_mode={"type": "flexible"}, payment_behavior="error_if_incomplete",
    )  # fmt: skip
    give_card(account, customer, DECLINING)
    moment = period_end(made) + 2 * HOUR
    account.advance(clock, moment)
    invoice = account.invoices(customer)[0]
    tries = [invoice["status_transitions"]["finalized_at"]]
    while (upcoming := invoice["next_payment_attempt"]) and len(tries) <= MOST_TRIES:
        tries.append(upcoming)
        account.advance(clock, upcoming + HOUR)
        invoice = account.invoice(invoice["id"])
    return clock, account.get(f"/v1/subscriptions/{made['id']}"), tries


@question("payment_timetable")
def payment_timetable(asking: Asking) -> ProbeResult:
    """Let a renewal be declined, and follow its tries."""
    _, subscription, tries = failing(asking.account)
    return readings.timetable(tries, subscription["status"])


@question("unpaid_renewals_stay_drafts")
def unpaid_renewals_stay_drafts(asking: Asking) -> ProbeResult:
    """Let a renewal be declined to the end, and read the renewal after it."""
    account = asking.account
    clock, subscription, _ = failing(account)
    if subscription["status"] != SubscriptionStatus.UNPAID:
        return readings.renewal_of_unpaid(subscription["status"], "")
    before = {invoice["id"] for invoice in account.invoices(subscription["customer"])}
    account.advance(clock, period_end(subscription) + 2 * HOUR)
    fresh = [row["status"] for row in account.invoices(subscription["customer"]) if row["id"] not in before]
    return readings.renewal_of_unpaid("unpaid", fresh[0] if fresh else "")

"""Questions to Stripe about meters; time passes on a test clock."""

from __future__ import annotations

import time

from stripe_sync.clients.stripe.raw_requests import Refused
from stripe_sync.domain.model.stripe_status import InvoiceStatus
from stripe_sync.jobs.setup.probing.answers import No, Open, ProbeResult, Yes
from stripe_sync.jobs.setup.probing.questions import Asking, question
from stripe_sync.jobs.setup.probing.test_account import HOUR, MINUTE, NAME, START, Account, Obj, period_end

SENT, UNIT_AMOUNT = 7, 1000
LATE = Open("The meter had not counted the event in time.")


def metered(account: Account) -> tuple[str, str, str]:
    """Return a new meter, the name of its events, and a price of 10.00 for each unit."""
    event_name = account.id().replace("-", "_")
    meter = account.make(
        "meter",
        "/v1/billing/meters",
        display_name=NAME,
        event_name=event_name,
        default_aggregation={"formula": "sum"},
        customer_mapping={"type": "by_id", "event_payload_key": "stripe_customer_id"},
        value_settings={"event_payload_key": "value"},
    )["id"]
    return meter, event_name, account.price(UNIT_AMOUNT, recurring={"usage_type": "metered", "meter": meter})


def send(account: Account, event_name: str, customer: str, moment: int) -> None:
    sent = {"stripe_customer_id": customer, "value": str(SENT)}
    account.post("/v1/billing/meter_events", event_name=event_name, payload=sent, timestamp=moment)


def is_counted(account: Account, meter: str, customer: str, moment: int) -> bool:
    """Wait until a meter has counted what was sent at a moment."""
    start = moment // 60 * 60
    window: Obj = {"customer": customer, "start_time": start, "end_time": start + MINUTE}
    for _ in range(account.patience):
        rows = account.requests.rows(f"/v1/billing/meters/{meter}/event_summaries", **window)
        if sum(row["aggregated_value"] for row in rows) == SENT:
            return True
        time.sleep(account.pause)
    return False


@question("draft_meter_lines_follow")
def draft_meter_lines_follow(asking: Asking) -> ProbeResult:
    """Send an event of the closed period within the draft's hour, and read the draft once the meter has counted it."""
    account = asking.account
    meter, event_name, price = metered(account)
    clock = account.clock()
    customer = account.customer(clock)
    end = period_end(account.subscription(customer, {"price": price}))
    account.advance(clock, end + MINUTE)
    send(account, event_name, customer, end - HOUR)
    account.advance(clock, end + 10 * MINUTE)
    if not is_counted(account, meter, customer, end - HOUR):
        return LATE
    shown = [line.get("quantity") for line in account.invoices(customer)[0]["lines"]["data"]]
    return Yes() if SENT in shown else No(f"The meter has counted {SENT}, and the draft shows {shown}.")


@question("removed_meter_bills")
def removed_meter_bills(asking: Asking) -> ProbeResult:
    """Remove a metered item whose meter has counted, and read what is pending (C7)."""
    account = asking.account
    meter, event_name, price = metered(account)
    clock = account.clock()
    customer = account.customer(clock)
    made = account.subscription(customer, {"price": account.price(), "quantity": 1}, {"price": price})
    account.advance(clock, START + 2 * HOUR)
    send(account, event_name, customer, START + HOUR)
    account.advance(clock, START + 3 * HOUR)
    if not is_counted(account, meter, customer, START + HOUR):
        return LATE
    remove(account, made, price)
    amounts = [item["amount"] for item in account.pending(customer)]
    return Yes() if SENT * UNIT_AMOUNT in amounts else No(f"Pending are {amounts}.")


@question("clear_usage_refused")
def clear_usage_refused(asking: Asking) -> ProbeResult:
    """Remove a metered item in flexible mode with ``clear_usage`` (C8)."""
    account = asking.account
    _, _, price = metered(account)
    customer = account.customer(account.clock())
    made = account.subscription(customer, {"price": account.price(), "quantity": 1}, {"price": price})
    try:
        remove(account, made, price, clear_usage=True)
    except Refused as refused:
        if refused.is_about(text="clear_usage"):
            return Yes(str(refused))
        raise
    return No()


def remove(account: Account, subscription: Obj, price: str, **more: bool) -> None:
    """Remove the item of a price from a subscription, with prorations."""
    id = next(item["id"] for item in subscription["items"]["data"] if item["price"]["id"] == price)
    items: list[Obj] = [{"id": id, "deleted": True, **more}]
    account.post(f"/v1/subscriptions/{subscription['id']}", items=items, proration_behavior="create_prorations")


@question("meter_counts_per_customer")
def meter_counts_per_customer(asking: Asking) -> ProbeResult:
    """Let two subscriptions of a customer use one meter, and read what each of their renewals bills."""
    account = asking.account
    meter, event_name, first = metered(account)
    second = account.price(UNIT_AMOUNT, recurring={"usage_type": "metered", "meter": meter})
    clock = account.clock()
    customer = account.customer(clock)
    made = [account.subscription(customer, {"price": price}) for price in (first, second)]
    account.advance(clock, START + 2 * HOUR)
    send(account, event_name, customer, START + HOUR)
    account.advance(clock, START + 3 * HOUR)
    if not is_counted(account, meter, customer, START + HOUR):
        return LATE
    account.await_renewal(clock, customer, period_end(made[0]))
    final = [invoice for invoice in account.invoices(customer) if invoice["status"] != InvoiceStatus.DRAFT]
    billed = [line["quantity"] for invoice in final for line in invoice["lines"]["data"] if line["quantity"] == SENT]
    if not billed:
        return Open("No finalized invoice bills what was sent.")
    return Yes() if len(billed) == len(made) else No(f"{len(billed)} of {len(made)} renewals bill it.")

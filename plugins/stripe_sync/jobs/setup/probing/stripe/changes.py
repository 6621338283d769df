"""Questions to Stripe about changes of a subscription; time passes on a test clock."""

from __future__ import annotations

from stripe_sync.clients.stripe.raw_requests import Refused
from stripe_sync.jobs.setup.probing.answers import Found, No, Open, ProbeResult, Yes
from stripe_sync.jobs.setup.probing.questions import Asking, question
from stripe_sync.jobs.setup.probing.stripe import readings
from stripe_sync.jobs.setup.probing.test_account import DAY, HOUR, NAME, START, Account, Obj, period_end


@question("interval_change")
def interval_change(asking: Asking) -> ProbeResult:
    """Change a subscription from months to years in one update, with the anchor at that moment."""
    account = asking.account
    monthly, yearly = account.price(1000), account.price(10_000, interval="year")
    clock = account.clock()
    made = account.subscription(account.customer(clock), {"price": monthly, "quantity": 1})
    account.advance(clock, START + 10 * DAY)
    item = made["items"]["data"][0]["id"]
    try:
        changed = account.post(
            f"/v1/subscriptions/{made['id']}",
            items=[{"id": item, "price": yearly, "quantity": 1}],
            billing_cycle_anchor={"type": "now"},
            proration_behavior="always_invoice",
            payment_behavior="error_if_incomplete",
        )
    except Refused as refused:
        if refused.is_about(param="billing_cycle_anchor"):
            return No(str(refused))
        raise
    begun = changed["items"]["data"][0]["current_period_start"]
    if begun == changed["billing_cycle_anchor"] == START + 10 * DAY:
        return Yes(f"It makes the invoice {changed['latest_invoice']}.")
    return No(f"The new period begins at {begun} and the anchor is {changed['billing_cycle_anchor']}.")


@question("proration_floors")
def proration_floors(asking: Asking) -> ProbeResult:
    """Go from 1 to 2 of 10.00 with 19 of 31 days left: 20.00 x 19/31 is 12.258, so 1225 rounded down and 1226 to the nearest."""
    account = asking.account
    clock = account.clock()
    customer = account.customer(clock)
    made = account.subscription(customer, {"price": account.price(), "quantity": 1})
    account.advance(clock, START + 12 * DAY)
    change: list[Obj] = [{"id": made["items"]["data"][0]["id"], "quantity": 2}]
    account.post(f"/v1/subscriptions/{made['id']}", items=change, proration_behavior="create_prorations")
    charged = [item["amount"] for item in account.pending(customer) if item["amount"] > 0]
    if charged == [1225]:
        return Yes()
    return No("To the nearest.") if charged == [1226] else Open(f"The charge is {charged}.")


@question("end_removal_resets_anchor")
def end_removal_resets_anchor(asking: Asking) -> ProbeResult:
    """Set ``cancel_at`` in the second period, take it away, and read the anchor."""
    account = asking.account
    clock = account.clock()
    made = account.subscription(account.customer(clock), {"price": account.price(), "quantity": 1})
    renewal = period_end(made)
    account.advance(clock, renewal + 2 * HOUR)
    set_end(account, made, renewal + 5 * DAY)
    anchor = set_end(account, made, "")["billing_cycle_anchor"]
    if anchor == made["billing_cycle_anchor"]:
        return No()
    return Yes(f"It moves to {anchor}, and the period began at {renewal}.")


def set_end(account: Account, subscription: Obj, moment: int | str) -> Obj:
    """Set or take away when a subscription ends, without prorations."""
    return account.post(f"/v1/subscriptions/{subscription['id']}", cancel_at=moment, proration_behavior="none")


@question("clock_events")
def clock_events(asking: Asking) -> ProbeResult:
    """Make a customer on a clock, and compare the time of its event with the clock's."""
    account = asking.account
    customer = account.customer(account.clock())
    events = account.requests.call("get", "/v1/events", type="customer.created", limit=100)["data"]
    created = next((event["created"] for event in events if event["data"]["object"]["id"] == customer), None)
    if created is None:
        return Open("The event is not shown yet, or such events are not listed.")
    return Found("the clock's" if created == START else "the real one")


@question("tiers_in_parts")
def tiers_in_parts(asking: Asking) -> ProbeResult:
    """Go from 5 to 25 of a graduated price with a second tier after 10 in the middle of a month, and count the charges."""
    account = asking.account
    clock = account.clock()
    customer = account.customer(clock)
    tiers: list[Obj] = [{"up_to": 10, "unit_amount": 1000}, {"up_to": "inf", "unit_amount": 500}]
    product = account.make("product", "/v1/products", name=NAME)["id"]
    price = account.make(
        "price",
        "/v1/prices",
        product=product,
        currency="usd",
        recurring={"interval": "month"},
        billing_scheme="tiered",
        tiers_mode="graduated",
        tiers=tiers,
    )["id"]
    made = account.subscription(customer, {"price": price, "quantity": 5})
    account.advance(clock, START + 10 * DAY)
    change: list[Obj] = [{"id": made["items"]["data"][0]["id"], "quantity": 25}]
    account.post(f"/v1/subscriptions/{made['id']}", items=change, proration_behavior="create_prorations")
    return readings.parts_of_tiers([row["amount"] for row in account.pending(customer) if row["amount"] > 0])

"""Questions to Stripe that need no time to pass."""

from __future__ import annotations

from decimal import Decimal

from stripe_sync.clients.stripe.raw_requests import Refused
from stripe_sync.jobs.setup.probing.answers import Found, No, Open, ProbeResult, Yes
from stripe_sync.jobs.setup.probing.questions import Asking, question
from stripe_sync.jobs.setup.probing.stripe import readings
from stripe_sync.jobs.setup.probing.test_account import DAY, HOUR, MINUTE, NAME, START, Account, Obj

HALVES = ("0.5", "1.5", "2.5")
ROUNDINGS: dict[tuple[int, ...], ProbeResult] = {
    (1, 2, 3): Yes("Half up."),
    (0, 2, 2): No("Half to even."),
    (0, 1, 2): No("Half down."),
}
MONTH = 30 * DAY
LEADS = (MINUTE, 5 * MINUTE, HOUR, DAY)


@question("coupon_id_reuse")
def coupon_id_reuse(asking: Asking) -> ProbeResult:
    """Make a coupon, delete it, and make it again."""
    account, id = asking.account, asking.account.id()
    account.make("coupon", "/v1/coupons", id=id, percent_off=1, duration="forever", name=NAME)
    account.clear()
    try:
        account.make("coupon", "/v1/coupons", id=id, percent_off=1, duration="forever", name=NAME)
    except Refused as refused:
        if refused.is_about(code="resource_already_exists"):
            return No(str(refused))
        raise
    return Yes()


@question("refusals_replay")
def refusals_replay(asking: Asking) -> ProbeResult:
    """Make a coupon whose id is taken, delete the one that has it, and repeat the request under the same key."""
    account, id = asking.account, asking.account.id()
    given: Obj = {"id": id, "percent_off": 1, "duration": "forever", "name": NAME}
    account.make("coupon", "/v1/coupons", **given)
    for attempt in ("first", "second"):
        try:
            account.make("coupon", "/v1/coupons", **given, idempotency_key=f"{id}-repeated")
        except Refused as refused:
            if not refused.is_about(code="resource_already_exists"):
                raise
            if attempt == "second":
                return Yes(str(refused)) if refused.replayed else No(str(refused))
        account.clear()
    return No()


@question("item_ties_up")
def item_ties_up(asking: Asking) -> ProbeResult:
    """Put half cents on a draft of its own, and read what they came to."""
    account = asking.account
    customer = account.customer()
    product = account.make("product", "/v1/products", name=NAME)["id"]
    draft = account.post("/v1/invoices", customer=customer, currency="usd", auto_advance=False)["id"]
    amounts = []
    for half in HALVES:
        price = {"product": product, "currency": "usd", "unit_amount_decimal": half}
        item = account.post("/v1/invoiceitems", customer=customer, invoice=draft, price_data=price, quantity=1)
        amounts.append(int(Decimal(item["amount"])))
    account.requests.call("delete", f"/v1/invoices/{draft}")
    unknown = Open(f"0.5, 1.5 and 2.5 came to {amounts}, which no known rule gives.")
    return ROUNDINGS.get(tuple(amounts), unknown)


@question("percent_rounding")
def percent_rounding(asking: Asking) -> ProbeResult:
    """Take 33 % off a draft of its own with lines of 0.50, 1.50 and 0.51, and read what each line lost."""
    account = asking.account
    customer = account.customer()
    coupon = account.make("coupon", "/v1/coupons", percent_off=33, duration="forever", name=NAME)["id"]
    terms: Obj = {"currency": "usd", "auto_advance": False, "discounts": [{"coupon": coupon}]}
    made = account.make("invoice", "/v1/invoices", customer=customer, **terms)["id"]
    for amount in (50, 150, 51):
        account.item(customer, amount, invoice=made)
    lines = account.requests.rows(f"/v1/invoices/{made}/lines")
    taken = {line["amount"]: sum(part["amount"] for part in line["discount_amounts"]) for line in lines}
    return readings.rounding_of_percent([taken[amount] for amount in (50, 150, 51)])


@question("default_price_archived")
def default_price_archived(asking: Asking) -> ProbeResult:
    """Archive the default price of a product; afterwards the product has no default price, so that its price is archived."""
    account = asking.account
    price = account.price()
    product = f"/v1/products/{account.get(f'/v1/prices/{price}')['product']}"
    account.post(product, default_price=price)
    try:
        account.post(f"/v1/prices/{price}", active=False)
    except Refused as refused:
        if not refused.is_about(text="default price"):
            raise
        return No(str(refused))
    finally:
        account.post(product, default_price="")
    return Yes()


@question("time_needs_auto_advance")
def time_needs_auto_advance(asking: Asking) -> ProbeResult:
    """Give a draft of its own a time of finalization without ``auto_advance``."""
    account, draft = one_off(asking.account)
    try:
        account.post(f"/v1/invoices/{draft}", automatically_finalizes_at=START + DAY)
    except Refused as refused:
        if refused.is_about(param="automatically_finalizes_at") or refused.is_about(param="auto_advance"):
            return Yes(str(refused))
        raise
    return No()


@question("smallest_lead")
def smallest_lead(asking: Asking) -> ProbeResult:
    """Find the shortest time ahead at which Stripe takes a time of finalization; one that is never taken has no lead."""
    account, draft = one_off(asking.account)
    for lead in (*LEADS, MONTH):
        try:
            account.post(f"/v1/invoices/{draft}", automatically_finalizes_at=START + lead, auto_advance=True)
        except Refused as refused:
            if not refused.is_about(param="automatically_finalizes_at"):
                raise
            continue
        return Found(f"{lead} s" if lead in LEADS else f"more than {LEADS[-1]} s")
    return Open(f"No time up to {MONTH // DAY} days ahead is taken.")


def one_off(account: Account) -> tuple[Account, str]:
    """Return a draft without a subscription, on a clock, so that its time is known."""
    customer = account.customer(account.clock())
    id: str = account.post("/v1/invoices", customer=customer, currency="usd", auto_advance=False)["id"]
    return account, id

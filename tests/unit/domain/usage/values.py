"""Values for tests of usage: a charge of 10 cents a call, its window of November 2026, and invoices as Stripe shows them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal as D
from typing import Any

from stripe_sync.core.clock import epoch
from stripe_sync.core.decoding import from_stigg
from stripe_sync.core.ownership import FIELD, Signer
from stripe_sync.core.settings import Environment
from stripe_sync.domain.model.inputs import Inputs, Links, StiggView, StripeView
from stripe_sync.domain.model.meter_units import Meter
from stripe_sync.domain.model.stigg import Subscription
from stripe_sync.domain.model.stripe import ItemPrice, Recurring
from stripe_sync.domain.model.stripe_subscriptions import ItemList, StripeItem, StripeSubscription
from stripe_sync.domain.usage.bills import Invoice
from stripe_sync.domain.usage.charges import Charge
from stripe_sync.domain.usage.decide.due import LedgerState
from stripe_sync.domain.usage.ledger import Balance, Balances, UsageState
from stripe_sync.domain.usage.line_proof import Owner
from stripe_sync.domain.usage.proof import UsageLine
from stripe_sync.domain.usage.terms import Terms
from stripe_sync.domain.usage.windows import Measured, TermsRevision, Window

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
START, END = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)
NEXT = datetime(2027, 1, 1, tzinfo=UTC)
NOW = END + timedelta(minutes=10)
SIGNER = Signer("acct_1", ("secret",))
OWNER = Owner("t", SIGNER)
TERMS = Terms(content={"currency": "usd", "interval": "month", "unit_amount": "10"}, label="Calls", product="prod_1")
MEASURED = Measured("s-1", "c-1", "calls", None, "si_1")
METER = Meter(id="mtr_1", price="price_m")
CALLS = ("sub_1", "calls")


def window(state: UsageState = UsageState.PENDING, quantity: str | None = "120", **more: Any) -> Window:
    """Return November's window of the calls: all of its quantity is in one state, unless ``balances`` are given."""
    read = D(quantity) if quantity is not None and state is not UsageState.REPORTED else None
    balances: Balances = {state: full(quantity)} if read is not None and quantity is not None else {}
    fields: dict[str, Any] = {
        "id": 7, "subscription": "sub_1", "charge": "calls", "start": START, "end": END, "terms": TERMS,
        "measured": MEASURED, "quantity": read, "read_at": NOW if read is not None else None, "state": state,
        "balances": balances,
    }  # fmt: skip
    return Window(**fields | more)


def full(quantity: str) -> Balance:
    """Return a quantity of calls with its amount at 10 cents each."""
    return Balance(D(quantity), D(quantity) * 10)


def invoice(id: str = "in_1", *lines: dict[str, Any], status: str = "draft", **more: Any) -> Invoice:
    """Return the invoice of the renewal at December 1; a draft is finalized an hour later."""
    fields: dict[str, Any] = {
        "subscription": "sub_1", "bound": END, "created_at": END,
        "finalizes_at": END + HOUR if status == "draft" else None,
    }  # fmt: skip
    facts = fields | {name: more.pop(name) for name in fields if name in more}
    shown = body(id, *lines, status=status, bound=facts["bound"], **more)
    return Invoice(invoice=id, status=status, is_stale=False, body=shown, **facts)


def body(id: str, *lines: dict[str, Any], status: str, bound: datetime = END, **more: Any) -> dict[str, Any]:
    """Return Stripe's answer: a renewal with its line in advance, and ``lines``."""
    shown = {
        "id": id, "status": status, "billing_reason": "subscription_cycle", "currency": "usd", "customer": "cus_1",
        "created": epoch(bound), "period_end": epoch(bound), "auto_advance": True, "metadata": {}, "total": 2000,
        "amount_remaining": 2000, "collection_method": "charge_automatically", "status_transitions": {},
        "parent": {"subscription_details": {"subscription": "sub_1"}},
        "lines": {"data": [in_advance(bound), *lines]},
    }  # fmt: skip
    return shown | more


def in_advance(bound: datetime = END) -> dict[str, Any]:
    """Return the line of a plan of 20.00 a month, sold in advance."""
    details = {"proration": False, "subscription_item": "si_plan"}
    return {
        "id": "il_plan", "amount": 2000, "quantity": 1, "currency": "usd", "metadata": {},
        "period": {"start": epoch(bound), "end": epoch(bound + 31 * DAY)},
        "parent": {"type": "subscription_item_details", "subscription_item_details": details,
                   "invoice_item_details": None},
    }  # fmt: skip


def own_line(line: UsageLine, **more: Any) -> dict[str, Any]:
    """Return one of our lines as Stripe shows it."""
    shown = {
        "id": f"il_{line.key}", "amount": line.amount, "quantity_decimal": str(line.quantity), "currency": line.currency,
        "metadata": {FIELD: SIGNER.marker(line.key)}, "period": {"start": line.start, "end": line.end},
        "pricing": {"unit_amount_decimal": str(line.unit_amount)},
        "parent": {"type": "invoice_item_details", "subscription_item_details": None,
                   "invoice_item_details": {"invoice_item": "ii_1"}},
    }  # fmt: skip
    return shown | more


def metered_line(units: str, amount: int, **more: Any) -> dict[str, Any]:
    """Return a line of November that the meter's price bills."""
    details = {"proration": False, "subscription_item": "si_1"}
    shown = {
        "id": "il_m", "amount": amount, "quantity_decimal": units, "currency": "usd", "metadata": {},
        "period": {"start": epoch(START), "end": epoch(END)}, "pricing": {"price_details": {"price": METER.price}},
        "parent": {"type": "subscription_item_details", "subscription_item_details": details,
                   "invoice_item_details": None},
    }  # fmt: skip
    return shown | more


def stripe_subscription(status: str = "active", **more: Any) -> StripeSubscription:
    """Return the Stripe subscription in December; its one item has the calls."""
    month = Recurring(interval="month")
    item = StripeItem("si_1", ItemPrice("price_1", "usd", recurring=month), None, epoch(START), epoch(END), epoch(NEXT))
    fields: dict[str, Any] = {"start_date": epoch(START), "created": epoch(START), "billing_cycle_anchor": epoch(START)}
    return StripeSubscription(
        "sub_1", "cus_1", status, ItemList([item]), "charge_automatically", "usd", **fields | more
    )


def stigg_subscription(status: str = "ACTIVE", **more: Any) -> Subscription:
    """Return the Stigg subscription s-1; fields in camel case."""
    row = {
        "subscriptionId": "s-1", "status": status, "pricingType": "PAID", "customer": {"customerId": "c-1"},
        "plan": {"refId": "pro"}, "startDate": "2026-11-01T00:00:00Z", "billingPeriod": "MONTHLY",
    }  # fmt: skip
    return from_stigg(row | more, Subscription)


def inputs(
    held: StripeSubscription | None = None, stigg: Subscription | None = None, *, now: datetime = NOW, **more: Any
) -> Inputs:
    """Return both sides of one linked subscription."""
    environment = Environment(stripe_account="acct_1", name="t")
    subscriptions = [stigg] if stigg is not None else []
    held_by_id = {held.id: held} if held is not None else {}
    return Inputs(
        environment,
        StiggView((), (), (), (), subscriptions),
        StripeView({}, {}, {}, held_by_id),
        Links({"subscription:t:s-1": "sub_1"}),
        SIGNER,
        now,
        **more,
    )


def terms_revision(since: datetime = START, terms: Terms | None = TERMS, **more: Any) -> TermsRevision:
    """Return a terms revision of the calls."""
    return TermsRevision(**{"id": 1, "since": since, "terms": terms, "measured": MEASURED, "why": ""} | more)


def charge(held: StripeSubscription | None = None, **more: Any) -> Charge:
    """Return the living charge for calls."""
    holder = held or stripe_subscription()
    fields: dict[str, Any] = {"name": "calls", "terms": TERMS, "measured": MEASURED, "began": START, "changed": None}
    return Charge(stripe=holder, item=holder.items.data[0], **fields | more)


def state(**more: Any) -> LedgerState:
    """Return a ledger in which the calls live, are open since November 1, and have November stored."""
    held = more.pop("held", stripe_subscription())
    fields: dict[str, Any] = {
        "inputs": inputs(held, more.pop("stigg", stigg_subscription()), now=more.pop("now", NOW)),
        "charges": [charge(held)] if held is not None else [], "problems": [], "revisions": {CALLS: [terms_revision()]},
        "covered_until": {CALLS: END},
    }  # fmt: skip
    fields |= more
    return LedgerState(**fields)

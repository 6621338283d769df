"""Usage by Stripe's meters: the event that is still to be sent for a window, and the movement of what was counted and not sent. Pure.

A meter has counted what Stripe's summary says; what was sent is what the ledger says. While both differ by the last event,
it is under way and nothing else is sent. What was counted and not sent by us was billed before us, or its answer was lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from stripe_sync.core import keys, money
from stripe_sync.core.clock import epoch
from stripe_sync.core.lanes import Lane
from stripe_sync.domain.model.meter_units import Meter
from stripe_sync.domain.model.stripe import Stripe
from stripe_sync.domain.plan.actions import Action, ActionKind
from stripe_sync.domain.usage import metering
from stripe_sync.domain.usage.bills import Invoice
from stripe_sync.domain.usage.ledger import Balance, Movement, UsageState
from stripe_sync.domain.usage.windows import Window

EVENT = "meterevent"
SENT = (UsageState.SUBMITTED, UsageState.VERIFIED, UsageState.BILLED, UsageState.BILLED_EXTERNALLY)
COUNTED = "The meter has counted it."
COUNTED_BEFORE = "The meter had counted it before us."


@dataclass(frozen=True)
class MeteredWindow:
    """One window that a meter bills: the event that is to be sent, and why it is not proven although nothing is."""

    window: Window
    action: Action | None = None
    problem: str = ""


@dataclass(frozen=True, kw_only=True)
class MeterObject:
    """A meter as Stripe has it: the name of its events, the keys of their payload, its formula and its status."""

    event_name: str
    customer_key: str
    value_key: str
    formula: str
    status: str


class PayloadKey(Stripe, frozen=True):
    """The key of an event's payload."""

    event_payload_key: str


class Aggregation(Stripe, frozen=True):
    """The formula of a meter."""

    formula: str


class StripeMeter(Stripe, frozen=True):
    """A meter as Stripe answers it."""

    event_name: str
    customer_mapping: PayloadKey
    value_settings: PayloadKey
    default_aggregation: Aggregation
    status: str


def meter_object(meter: StripeMeter) -> MeterObject:
    """Return Stripe's answer as a meter."""
    return MeterObject(
        event_name=meter.event_name,
        customer_key=meter.customer_mapping.event_payload_key,
        value_key=meter.value_settings.event_payload_key,
        formula=meter.default_aggregation.formula,
        status=meter.status,
    )


def describe(window: Window) -> str:
    """Return a window as problems name it."""
    return f"{window.measured.feature} of {window.measured.subscription}"


def countable_problem(window: Window, meter: Meter) -> str:
    """Return why a meter cannot count the quantity of a window; empty where it can."""
    if window.quantity is None or meter.can_count(window.quantity):
        return ""
    return (
        f"{money.plain(window.quantity)} of {describe(window)} are no whole number to the meter {meter.id}; see "
        f"usage.meters.{window.measured.feature}.decimals."
    )


def meter_problem(window: Window, meter: Meter, there: MeterObject) -> str:
    """Return why usage cannot be sent to a meter as Stripe has it; empty where it can."""
    if there.formula != "sum":
        return f"The meter {meter.id} of {describe(window)} does not sum; its use cannot be sent."
    if there.status != "active":
        return f"The meter {meter.id} of {describe(window)} is {there.status}; reactivate it in Stripe."
    return ""


def billed_twice(window: Window, invoice: Invoice) -> str:
    """Return why a window that lines bill is billed by metered lines of its invoice as well; empty where it is not."""
    item = window.measured.item
    amount = metering.billed(invoice.stripe, item)[1]
    if not amount:
        return ""
    return f"{invoice.invoice} bills {amount} minor units of {item} by a meter as well. Remove one of the two from the invoice."


def counted_twice(meter: Meter, value: Decimal) -> str:
    """Return why a window that lines bill would be billed by its meter as well; empty where that has counted nothing."""
    return (
        f"The meter {meter.id} has also counted {money.plain(value)} of it. Remove these events, or credit them."
        if value
        else ""
    )


def counted_excess(window: Window, value: Decimal, sent: Sequence[Decimal]) -> Decimal:
    """Return what a meter has counted more than was sent; 0 while the last event is under way.

    ``sent`` are the quantities that were sent for the window, in order.
    """
    excess = value - window.balance(*SENT).quantity
    return Decimal(0) if sent and excess == -sent[-1] else excess


def decide_counted(window: Window, value: Decimal, excess: Decimal, *, is_lost: bool) -> list[Movement]:
    """Return the movement of what was counted and not sent: before us, or by an event whose answer was lost (``is_lost``)."""
    movement = Movement(
        window=window.id,
        source=UsageState.PENDING,
        target=UsageState.SUBMITTED if is_lost else UsageState.BILLED_EXTERNALLY,
        balance=Balance(excess, Decimal(window.terms.amount(value) - window.terms.amount(value - excess))),
        invoice=window.invoice,
        reason=COUNTED if is_lost else COUNTED_BEFORE,
    )
    return [movement] if excess else []


def is_counted(window: Window, value: Decimal) -> bool:
    """Return whether a meter has counted everything that was sent for a window."""
    return window.balance(*SENT).quantity == value


def decide_event(
    window: Window, invoice: Invoice, *, meter: Meter, there: MeterObject, environment: str, number: int
) -> MeteredWindow:
    """Return a counted window with the event of what is missing; none where nothing is. ``number`` is that of the event."""
    missing = window.balance(UsageState.PENDING).quantity
    if not missing:
        return MeteredWindow(window)
    target = event_target(environment, window, number)
    return MeteredWindow(window, _event(window, invoice, meter=meter, there=there, quantity=missing, target=target))


def event_target(environment: str, window: Window, number: int) -> str:
    """Return the name of one event of a window, which is its identifier too."""
    parts = keys.part(environment), keys.part(window.subscription)
    return keys.link_key(EVENT, *parts, window.charge, str(epoch(window.start)), str(number))


def _event(
    window: Window, invoice: Invoice, *, meter: Meter, there: MeterObject, quantity: Decimal, target: str
) -> Action:
    """Send a quantity of a window to its meter, dated a second before the window ends."""
    assert window.quantity is not None, "a window that was read"
    terms, customer = window.terms, invoice.stripe.customer
    value = money.plain(meter.counted(quantity))
    cost = Decimal(terms.amount(window.quantity) - terms.amount(window.quantity - quantity))
    return Action(
        kind=ActionKind.METER_EVENT_SEND,
        target=target,
        lane=Lane.USAGE,
        entity=("subscription", window.measured.subscription),
        after={
            "event_name": there.event_name,
            "value": value,
            "customer": customer,
            "timestamp": epoch(window.end) - 1,
            "identifier": target,
            "how": {"customer_key": there.customer_key, "value_key": there.value_key},
        },
        cause=invoice.invoice,
        serial=f"customer:{customer}",
        due_now={terms.currency: cost},
        sentence=f"Send {value} of {terms.label} to the meter {meter.id} for {invoice.invoice}: "
        f"{money.shown(cost, terms.currency)}.",
    )

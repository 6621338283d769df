"""Usage by Stripe's meters: what a meter has counted of a window, what is still to be sent, and the proof of both.

What is counted is what Stripe's summary says; what was sent is what the ledger says. While both differ by the last event,
it is under way and nothing else is sent. What was counted and not sent by us was billed before us, or its answer was lost.
The summary is the proof before finalization: Stripe may fill a draft's metered lines only when it finalizes it (SB 4.1), so
they are compared after that (jobs/usage/steps/settle.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection

from stripe_sync.apply.resources.meter_event import IDENTIFIER
from stripe_sync.core import keys, money
from stripe_sync.core.clock import epoch
from stripe_sync.core.errors import NotAuthorized, RowFailed, Transient
from stripe_sync.domain.model.meter_units import Meter
from stripe_sync.domain.plan.actions import USAGE, Action
from stripe_sync.domain.usage import metering
from stripe_sync.domain.usage.bills import Invoice, meter_on
from stripe_sync.domain.usage.ledger import Balance, Movement, UsageState
from stripe_sync.domain.usage.windows import Window
from stripe_sync.jobs.runtime.context import Run, Session
from stripe_sync.warehouse.usage import movements, usage_windows
from stripe_sync.warehouse.writes import journal

EVENT = "meterevent"
ERROR_REPORT = "v1.billing.meter.error_report_triggered"
REPORTS = 5  # the newest of a meter that are looked into
SENT = (UsageState.SUBMITTED, UsageState.VERIFIED, UsageState.BILLED, UsageState.BILLED_EXTERNALLY)


@dataclass(frozen=True)
class Metered:
    """One window that a meter bills: what is to be sent, and why it is not proven although nothing is."""

    window: Window
    action: Action | None = None
    problem: str = ""


Known = dict[str, dict[str, Any]]


def metered(session: Session, run: Run, invoice: Invoice, windows: Sequence[Window], known: Known) -> list[Metered]:
    """The windows of a draft that a meter bills, and what is wrong with others that it has counted as well.

    ``known`` are the meters that this run has read, by id: each is read once.
    """
    found = []
    for window in windows:
        meter = meter_on(window, invoice)
        if window.quantity is None:
            continue
        if meter is not None:
            found.append(one(session, run, invoice, window, meter, known))
        elif problem := counted_beside(session, invoice, window):
            found.append(Metered(window, problem=problem))
    return found


def counted_beside(session: Session, invoice: Invoice, window: Window) -> str:
    """Why a window that lines bill would be billed by a meter as well; empty where it would not."""
    meter = window.terms.meter
    item = window.measured.item
    amount = metering.billed(invoice.body, item)[1]
    if amount:
        return f"{invoice.invoice} bills {amount} minor units of {item} by a meter as well; a person decides."
    if meter is None:
        return ""
    try:
        value = counted(session, invoice, window, meter)
    except RowFailed as failure:
        return failure.detail
    return f"The meter {meter.id} has counted {money.plain(value)} of it besides; a person decides." if value else ""


def counted(session: Session, invoice: Invoice, window: Window, meter: Meter) -> Decimal:
    """What a meter has counted of a window, as a quantity of the feature."""
    start, end = metering.summary_bounds(window.start, window.end)
    path = f"/v1/billing/meters/{meter.id}/event_summaries"
    pages = session.stripe.in_lane(USAGE).pages(
        path, customer=invoice.body["customer"], start_time=start, end_time=end
    )  # fmt: skip
    values = [Decimal(str(row["aggregated_value"])) for page in pages for row in page]
    return meter.quantity(sum(values, Decimal(0)))


def one(session: Session, run: Run, invoice: Invoice, window: Window, meter: Meter, known: Known) -> Metered:
    """One window: sent and counted, or what is missing of that."""
    assert window.quantity is not None
    measured = window.measured
    about = f"{measured.feature} of {measured.subscription}"
    if not meter.can_count(window.quantity):
        return Metered(window, problem=f"{money.plain(window.quantity)} of {about} are no whole number to the meter "
                                       f"{meter.id}; see usage_meters.{measured.feature}.decimals.")  # fmt: skip
    try:
        if meter.id not in known:
            known[meter.id] = session.stripe.in_lane(USAGE).get(f"/v1/billing/meters/{meter.id}")
        there = known[meter.id]
        value = counted(session, invoice, window, meter)
    except RowFailed as failure:
        return Metered(window, problem=failure.detail)
    if there["default_aggregation"]["formula"] != "sum":
        return Metered(window, problem=f"The meter {meter.id} of {about} does not sum; its use cannot be sent.")
    if there["status"] != "active":
        return Metered(
            window, problem=f"The meter {meter.id} of {about} is {there['status']}; reactivate it in Stripe."
        )
    with session.engine.begin() as connection:
        window = reckoned(connection, session, run, window, value)
        sent = movements.sent_quantities(connection, window.id)
    accepted, waiting = window.balance(*SENT).quantity, window.balance(UsageState.PENDING).quantity
    if accepted != value:
        why = error_report(session, window, meter)
        return Metered(window, problem=f"The meter {meter.id} has not counted all of {about} yet.{why}")
    if waiting:
        return Metered(window, event(session, invoice, window, meter, there, waiting, len(sent) + 1))
    return Metered(window)


def error_report(session: Session, window: Window, meter: Meter) -> str:
    """Return what Stripe found wrong with events of this window, in its own codes; "" where it reports none.

    The report only adds to what is said already: one that cannot be read is told, and nothing waits for it.
    """
    try:
        codes = reported(session, window, meter)
    except (NotAuthorized, RowFailed, Transient) as refused:
        return f" Stripe's report of errors cannot be read: {refused}"
    return f" Stripe reports {', '.join(sorted(codes))}." if codes else ""


def reported(session: Session, window: Window, meter: Meter) -> set[str]:
    """Return the codes of the errors that the newest reports of a meter name for events of a window."""
    api = session.stripe.in_lane(USAGE)
    listed = api.get("/v2/core/events", types=[ERROR_REPORT], object_id=meter.id)["data"]
    own = target(session, window, 0).rpartition(":")[0][: IDENTIFIER - 33]
    codes = set()
    for event in listed[:REPORTS]:
        found = api.get(f"/v2/core/events/{event['id']}").get("data") or {}
        for kind in (found.get("reason") or {}).get("error_types") or ():
            samples = [(e.get("request") or {}).get("identifier") or "" for e in kind.get("sample_errors") or ()]
            codes |= {kind["code"]} if any(identifier.startswith(own) for identifier in samples) else set()
    return codes


def reckoned(connection: Connection, session: Session, run: Run, window: Window, value: Decimal) -> Window:
    """The window with what the meter has counted beyond what was sent: before us, or by an event whose answer was lost."""
    now = usage_windows.locked(connection, window.id)
    sent = movements.sent_quantities(connection, now.id)
    beyond = value - now.balance(*SENT).quantity
    if not beyond or (sent and beyond == -sent[-1]):
        return now
    lost = journal.newest_action(connection, session.environment.name, target(session, now, len(sent) + 1)) is not None
    movement = Movement(
        window=now.id,
        source=UsageState.PENDING,
        target=UsageState.SUBMITTED if lost else UsageState.BILLED_EXTERNALLY,
        balance=Balance(beyond, Decimal(now.terms.amount(value) - now.terms.amount(value - beyond))),
        invoice=now.invoice,
        reason="The meter has counted it." if lost else "The meter had counted it before us.",
    )
    movements.move(connection, movement, at=run.now, run_id=run.id)
    return usage_windows.locked(connection, window.id)


def target(session: Session, window: Window, number: int) -> str:
    """The name of one event of a window, which is its identifier too."""
    name, subscription = keys.part(session.environment.name), keys.part(window.subscription)
    return keys.link_key(EVENT, name, subscription, window.charge, str(epoch(window.start)), str(number))


def event(
    session: Session, invoice: Invoice, window: Window, meter: Meter, there: dict[str, Any], quantity: Decimal, number: int
) -> Action:  # fmt: skip
    """Sends what is missing of a window to its meter, dated a second before the window ends."""
    terms = window.terms
    assert window.quantity is not None
    value = money.plain(meter.counted(quantity))
    cost = Decimal(terms.amount(window.quantity) - terms.amount(window.quantity - quantity))
    name = target(session, window, number)
    return Action(
        kind=f"{EVENT}.send", target=name, lane=USAGE, entity=("subscription", window.measured.subscription),
        after={
            "event_name": there["event_name"], "value": value, "customer": invoice.body["customer"],
            "timestamp": epoch(window.end) - 1, "identifier": name,
            "how": {"customer_key": there["customer_mapping"]["event_payload_key"],
                    "value_key": there["value_settings"]["event_payload_key"]},
        },
        cause=invoice.invoice, serial=f"customer:{invoice.body['customer']}", due_now={terms.currency: cost},
        sentence=f"Send {value} of {terms.label} to the meter {meter.id} for {invoice.invoice}: "
                 f"{money.shown(cost, terms.currency)}.",
    )  # fmt: skip

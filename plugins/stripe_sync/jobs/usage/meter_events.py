"""Usage by Stripe's meters: summaries read, and what they counted and was not sent stored (domain/usage/decide/meters.py).

The summary is the proof before finalization: Stripe may fill a draft's metered lines only when it finalizes it (SB 4.1), so
they are compared after that (jobs/usage/steps/settle.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from stripe_sync.apply.resources.meter_event import IDENTIFIER
from stripe_sync.core.decoding import from_stripe
from stripe_sync.core.errors import EntityError, NotAuthorized, Transient
from stripe_sync.core.lanes import Lane
from stripe_sync.domain.model.meter_units import Meter
from stripe_sync.domain.usage import metering
from stripe_sync.domain.usage.bills import Invoice, meter_on
from stripe_sync.domain.usage.decide import meters
from stripe_sync.domain.usage.decide.meters import MeteredWindow, MeterObject, event_target
from stripe_sync.domain.usage.windows import Window
from stripe_sync.jobs.runtime.context import Run, Session
from stripe_sync.warehouse.usage import movements, usage_windows
from stripe_sync.warehouse.writes import journal

ERROR_REPORT = "v1.billing.meter.error_report_triggered"
REPORTS = 5  # the newest of a meter that are looked into
MeterObjects = dict[str, MeterObject]  # those that this run has read, by id: each is read once


def read_metered(
    session: Session, run: Run, invoice: Invoice, windows: Sequence[Window], known: MeterObjects
) -> list[MeteredWindow]:
    """Return the windows of a draft that a meter bills, and problems of others that it has counted as well."""
    metered = []
    for window in windows:
        meter = meter_on(window, invoice)
        if window.quantity is None:
            continue
        if meter is not None:
            metered.append(read_window(session, run, invoice, window, meter, known))
        elif problem := counted_beside(session, invoice, window):
            metered.append(MeteredWindow(window, problem=problem))
    return metered


def counted_beside(session: Session, invoice: Invoice, window: Window) -> str:
    """Return why a window that lines bill would be billed by a meter as well; empty where it would not."""
    meter = window.terms.meter
    billed = meters.billed_twice(window, invoice)
    if billed or meter is None:
        return billed
    try:
        return meters.counted_twice(meter, counted(session, invoice, window, meter))
    except EntityError as failure:
        return failure.detail


def counted(session: Session, invoice: Invoice, window: Window, meter: Meter) -> Decimal:
    """Return what a meter has counted of a window, as a quantity of the feature."""
    start, end = metering.summary_bounds(window.start, window.end)
    path = f"/v1/billing/meters/{meter.id}/event_summaries"
    pages = session.stripe.in_lane(Lane.USAGE).pages(
        path, customer=invoice.stripe.customer, start_time=start, end_time=end
    )
    values = [Decimal(str(row["aggregated_value"])) for page in pages for row in page]
    return meter.quantity(sum(values, Decimal(0)))


def read_window(
    session: Session, run: Run, invoice: Invoice, window: Window, meter: Meter, known: MeterObjects
) -> MeteredWindow:
    """Return one window, sent and counted, or with what is missing of that."""
    if problem := meters.countable_problem(window, meter):
        return MeteredWindow(window, problem=problem)
    try:
        there = read_meter(session, meter, known)
        value = counted(session, invoice, window, meter)
    except EntityError as failure:
        return MeteredWindow(window, problem=failure.detail)
    if problem := meters.meter_problem(window, meter, there):
        return MeteredWindow(window, problem=problem)
    window, number = store_counted(session, run, window, value)
    if not meters.is_counted(window, value):
        about, report = meters.describe(window), error_report(session, window, meter)
        return MeteredWindow(window, problem=f"The meter {meter.id} has not counted all of {about} yet.{report}")
    environment = session.environment.name
    return meters.decide_event(window, invoice, meter=meter, there=there, environment=environment, number=number)


def read_meter(session: Session, meter: Meter, known: MeterObjects) -> MeterObject:
    """Return a meter as Stripe has it."""
    if meter.id not in known:
        known[meter.id] = meters.meter_object(
            from_stripe(session.stripe.in_lane(Lane.USAGE).get(f"/v1/billing/meters/{meter.id}"), meters.StripeMeter)
        )
    return known[meter.id]


def error_report(session: Session, window: Window, meter: Meter) -> str:
    """Return what Stripe found wrong with events of this window, in its own codes; "" where it reports none.

    The report only adds to a message: one that cannot be read is reported, and nothing waits for it.
    """
    try:
        codes = reported(session, window, meter)
    except (NotAuthorized, EntityError, Transient) as refused:
        return f" Stripe's report of errors cannot be read: {refused}"
    return f" Stripe reports {', '.join(sorted(codes))}." if codes else ""


def reported(session: Session, window: Window, meter: Meter) -> set[str]:
    """Return the codes of the errors that the newest reports of a meter name for events of a window."""
    api = session.stripe.in_lane(Lane.USAGE)
    listed = api.get("/v2/core/events", types=[ERROR_REPORT], object_id=meter.id)["data"]
    own = event_target(session.environment.name, window, 0).rpartition(":")[0][: IDENTIFIER - 33]
    codes = set()
    for event in listed[:REPORTS]:
        found = api.get(f"/v2/core/events/{event['id']}").get("data") or {}
        for kind in (found.get("reason") or {}).get("error_types") or ():
            samples = [(e.get("request") or {}).get("identifier") or "" for e in kind.get("sample_errors") or ()]
            codes |= {kind["code"]} if any(identifier.startswith(own) for identifier in samples) else set()
    return codes


def store_counted(session: Session, run: Run, window: Window, value: Decimal) -> tuple[Window, int]:
    """Store what a meter has counted more than was sent; return the window with it, and the number of its next event."""
    name = session.environment.name
    with session.engine.begin() as connection:
        locked = usage_windows.locked(connection, window.id)
        sent = movements.sent_quantities(connection, locked.id)
        excess = meters.counted_excess(locked, value, sent)
        if not excess:
            return locked, len(sent) + 1
        event = journal.newest_action(connection, name, event_target(name, locked, len(sent) + 1))
        for movement in meters.decide_counted(locked, value, excess, is_lost=event is not None):
            movements.move(connection, movement, at=run.now, run_id=run.id)
        return usage_windows.locked(connection, locked.id), len(movements.sent_quantities(connection, locked.id)) + 1

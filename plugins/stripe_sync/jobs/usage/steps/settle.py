"""What became of the invoices: billed, reversed, or too late; drafts held that are not proven, and released that are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from stripe_sync.core import money
from stripe_sync.core.clock import epoch
from stripe_sync.core.decoding import typed
from stripe_sync.core.ownership import FIELD
from stripe_sync.domain.usage import drafts, metering
from stripe_sync.domain.usage.bills import LINE, window_of
from stripe_sync.domain.usage.holds import grace
from stripe_sync.domain.usage.terms import Terms
from stripe_sync.jobs.inputs.billed_windows import is_billed_by_meter, meter_on
from stripe_sync.jobs.runtime.context import Run, Session
from stripe_sync.jobs.runtime.preflight import held_at_observe
from stripe_sync.jobs.runtime.step import Result, step
from stripe_sync.jobs.usage.drafts.danger import in_danger
from stripe_sync.jobs.usage.drafts.holds import hold, unproven
from stripe_sync.jobs.usage.drafts.release import let_go
from stripe_sync.jobs.usage.final_invoice import free_of_charge
from stripe_sync.jobs.usage.line_proof import billed_together, proven_quantity, record_rounding
from stripe_sync.jobs.usage.permissions import leased, may_write
from stripe_sync.jobs.usage.steps.find_due import assign
from stripe_sync.jobs.usage.steps.find_stuck import find_stuck
from stripe_sync.warehouse import runs
from stripe_sync.warehouse.usage import figures as usage_figures
from stripe_sync.warehouse.usage import ledger
from stripe_sync.warehouse.usage.ledger import Invoice, Window

LATELY = timedelta(days=62)
FINAL = ("open", "paid", "uncollectible")
LATE = "finalized without it"
BY_HAND = "Put it on the next invoice by hand, or waive it."


@step
def usage_settle(session: Session, run: Run) -> Result:
    """Moves what finalized invoices decide, holds and releases drafts, and looks for invoices that nothing moves on.

    ``pages`` are sentences that wake somebody.
    """
    due = runs.result(session.engine, session.environment.name, run.id, "usage_due") or {}
    result = settle_due(session, run, due)
    found = find_stuck(session, run, due)
    pages = found["stuck_pages"]
    if pages and not may_write(session, run, due.get("held_at_observe") or held_at_observe(session)):
        pages = []
    return result | found | {"pages": [*result["pages"], *pages]}


def settle_due(session: Session, run: Run, due: Result) -> Result:
    """Settles what the run found due."""
    name, observed = session.environment.name, due.get("held_at_observe", "")
    if not due.get("due"):
        pages = about_the_whole(due)
        return {"held": [], "released": [], "late": 0, "pages": pages, **figures(session, run)}
    blocked = {p["stripe_subscription"] for p in due.get("problems", ())}
    late = settle(session, run, due.get("invoices", ()))
    with session.engine.connect() as connection:
        waiting = ledger.windows(connection, name, states=(None, *ledger.OPEN))
        seen = ledger.invoices(connection, name, waiting, also=blocked)
    missing = unproven(waiting, seen, blocked)
    why = "Its usage is not proven."
    with leased(session, run) as lease:
        held = hold(session, run, lease, missing, cause="usage", why=why, observed=observed)
        released = let_go(session, run, lease, blocked, observed=observed)
    written = runs.result(session.engine, name, run.id, "usage_lines") or {}
    pages = [*written.get("pages", ()), *late, *in_danger(session, run, missing, waiting, observed)]
    pages += [*due.get("unowed", ()), *about_the_whole(due)]
    return {"held": held, "released": released, "late": len(late), "pages": pages, **figures(session, run)}


def about_the_whole(due: Result) -> list[str]:
    """Return what has to be read whether or not something was due: short drafts, and mirrors that are old."""
    short = [grace.sentence(due["short"])] if due.get("short") else []
    return short + ([due["stale"]] if due.get("stale") else [])


def figures(session: Session, run: Run) -> Result:
    """``counts``: the windows of the last two months by state; ``rounded``: minor units by currency that Stripe billed less."""
    name = session.environment.name
    with session.engine.connect() as connection:
        rounded = {c: money.plain(minor) for c, minor in usage_figures.rounded(connection, name).items()}
        return {"counts": ledger.counts(connection, name, since=run.now - LATELY), "rounded": rounded}


def settle(session: Session, run: Run, read: Iterable[str]) -> list[str]:
    """Billed where a finalized invoice has the very lines; unbillable, with its amount, where it has not."""
    name = session.environment.name
    late = []
    with session.engine.begin() as connection:
        windows = ledger.windows(connection, name, states=(*ledger.OPEN, "proven"))
        windows += [w for id in read for w in ledger.of_invoice(connection, name, id) if w.state == "billed"]
        seen = ledger.invoices(connection, name, windows)
        assigned = assign(windows, seen)
        final = {w.id: i for w in windows if (i := assigned.get(w.id)) is not None and i.status != "draft"}
        groups = {i.invoice: billed_together(on(connection, name, i, final, windows), i) for i in final.values()}
        for window in windows:
            if (invoice := final.get(window.id)) is not None:
                late += settled(connection, session, run, window, invoice, groups[invoice.invoice])
        for id, invoice in final.items():
            if (now := ledger.window(connection, name, id)) is not None and now.state == "billed":
                record_rounding(connection, session, run, now, invoice)
        for window in free_of_charge(connection, session, run):
            ledger.move_all(connection, window, ledger.OPEN, "waived", at=run.now, run_id=run.id,
                               reason="Nothing to bill, and no invoice to say so.")  # fmt: skip
        late += gone(connection, session, run, windows, assigned)
    return late


def on(
    connection: Any, environment: str, invoice: Invoice, final: dict[int, Invoice], windows: Sequence[Window]
) -> list[Window]:
    """The windows of a finalized invoice: those that name it, and those that are to be settled by it."""
    here = {w.id: w for w in ledger.of_invoice(connection, environment, invoice.invoice)}
    here |= {w.id: w for w in windows if final.get(w.id) is not None and final[w.id].invoice == invoice.invoice}
    return list(here.values())


def settled(
    connection: Any, session: Session, run: Run, window: Window, invoice: Invoice, group: Sequence[Window]
) -> list[str]:
    """One window of an invoice that is not a draft any more; ``group`` are those that its lines bill together."""
    common: dict[str, Any] = {"at": run.now, "run_id": run.id, "invoice": invoice.invoice}
    if invoice.status == "void":
        if window.state != "reversed":
            ledger.move_all(connection, window, (*ledger.OPEN, "proven", "billed"), "reversed",
                           reason="The invoice was voided; a person decides whether it is billed again.", **common)  # fmt: skip
        return []
    if invoice.status == "deleted":
        return taken_away(connection, window, invoice, common)
    if window.state == "billed":
        if is_credited(session, window, invoice):
            ledger.move_all(connection, window, ("billed",), "reversed",
                           reason="A credit note took it back; a person decides whether it is billed again.", **common)  # fmt: skip
        return []
    if invoice.status not in FINAL:
        return []
    if meter_on(window, invoice) is not None and window.quantity is not None:
        if drafts.did_not_wait(invoice.body) and not is_billed_by_meter(window, invoice, window.quantity):
            return []  # nothing could be sent for it in time: it goes on an invoice of our own
        return settled_by_meter(connection, window, invoice, common)
    on_it = proven_quantity(session, window, invoice, group) if window.quantity is not None else None
    if on_it is not None and on_it == window.quantity:
        ledger.move_all(connection, window, (*ledger.OPEN, "proven"), "billed", **common)
        return []
    if (
        drafts.did_not_wait(invoice.body)
        and window.state in ledger.OPEN
        and not drafts.held(invoice.body, session.signer)
    ):
        return []  # it goes on an invoice of our own
    left = ledger.OPEN if on_it is not None else (*ledger.OPEN, "proven")
    if on_it is not None:  # what was read after its lines were written is missing, and that alone
        ledger.move_all(connection, window, ("proven",), "billed", **common)
    ledger.move_all(connection, window, left, "unbillable", reason=f"{invoice.invoice} was {LATE}. {BY_HAND}", **common)
    return [sentence(window, f"{invoice.invoice} was {LATE}", BY_HAND, left)]


def taken_away(connection: Any, window: Window, invoice: Invoice, common: dict[str, Any]) -> list[str]:
    """One window of a draft that a person deleted: it is not billed by itself again."""
    every, what = (*ledger.OPEN, "proven"), f"the draft {invoice.invoice} was deleted in Stripe"
    ledger.move_all(connection, window, every, "unbillable", reason=f"{what[0].upper()}{what[1:]}. {BY_HAND}", **common)
    return [sentence(window, what, BY_HAND, every)] if window.held(*every)[1] else []


def settled_by_meter(connection: Any, window: Window, invoice: Invoice, common: dict[str, Any]) -> list[str]:
    """One window that a finalized invoice bills by a meter: exactly, more than was used, or less."""
    assert window.quantity is not None
    terms = typed(window.terms, Terms)
    has, should = metering.billed(invoice.body, window.measured["item"])[1], terms.amount(window.quantity)
    shown, used = (money.shown(Decimal(amount), terms.currency) for amount in (has, should))
    what = f"{invoice.invoice} bills {shown} by a meter, and {used} was used"
    every = (*ledger.OPEN, "proven")
    if is_billed_by_meter(window, invoice, window.quantity) or has > should:
        ledger.move_all(connection, window, every, "billed", **common)
        return [] if has <= should else [f"{about(window)}: {what}. Credit the difference."]
    proposal = "Put the rest on the next invoice by hand, or waive it."
    ledger.move_all(connection, window, every, "unbillable", reason=f"{what}. {proposal}", **common)
    return [f"{about(window)}: {what}. {proposal}"]


def about(window: Window) -> str:
    return f"{window.measured['feature']} of {window.measured['subscription']} (row {window.id})"


def is_credited(session: Session, window: Window, invoice: Invoice) -> bool:
    """Whether credit notes took back everything that an invoice bills of a window."""
    credited = invoice.body.get("credited") or {}
    its = [
        line for line in invoice.body["lines"]["data"]
        if (key := session.signer.key_of((line.get("metadata") or {}).get(FIELD))) is not None
        and key.startswith(f"{LINE}:") and window_of(key) == (window.charge, epoch(window.start))
    ]  # fmt: skip
    amount = sum(line["amount"] for line in its)
    return bool(credited) and amount > 0 and sum(credited.get(line["id"], 0) for line in its) >= amount


def gone(
    connection: Any, session: Session, run: Run, windows: Sequence[Window], assigned: dict[int, Invoice]
) -> list[str]:
    """Windows of subscriptions that others ended in Stripe, with no invoice to go on."""
    chains = ledger.openings(connection, session.environment.name)
    late = []
    for window in windows:
        last = chains[window.subscription, window.charge][-1]
        if window.state not in ledger.OPEN or window.id in assigned or last.terms is not None or last.why != "stripe":
            continue
        proposal = "Make an invoice for it by hand, or waive it."
        ledger.move_all(connection, window, ledger.OPEN, "unbillable", at=run.now, run_id=run.id,
                       reason=f"{window.subscription} was canceled in Stripe. {proposal}")  # fmt: skip
        if window.held(*ledger.OPEN)[1]:
            late.append(sentence(window, f"{window.subscription} was canceled in Stripe", proposal, ledger.OPEN))
    return late


def sentence(window: Window, what: str, proposal: str, states: Sequence[str]) -> str:
    """What somebody has to read about what is not billed of a window: what lies in these states."""
    currency = typed(window.terms, Terms).currency
    quantity, amount = window.held(*states)
    return (
        f"{money.plain(quantity)} of {window.measured['feature']} of {window.measured['subscription']} "
        f"({money.shown(amount, currency)}, row {window.id}) are not billed: {what}. {proposal}"
    )

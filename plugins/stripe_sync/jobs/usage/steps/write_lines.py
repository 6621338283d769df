"""Lines on drafts: what each draft should bill for use against what it holds, and the proof that both are equal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from stripe_sync.apply.permits import Permits
from stripe_sync.apply.results import Step
from stripe_sync.core import money
from stripe_sync.core.clock import epoch
from stripe_sync.core.lanes import Mode
from stripe_sync.domain.plan import approvals as questions
from stripe_sync.domain.plan.actions import USAGE, Action, Plan
from stripe_sync.domain.plan.guards import Decision, Verdict, lane_refusals
from stripe_sync.domain.usage import drafts, ledger
from stripe_sync.domain.usage.bills import Invoice, bill_of, meter_on, window_of
from stripe_sync.domain.usage.decide.assignment import assign
from stripe_sync.domain.usage.ledger import BILLABLE, Drain, UsageState
from stripe_sync.domain.usage.line_proof import lines_for
from stripe_sync.domain.usage.proof import UsageLine
from stripe_sync.domain.usage.windows import Window
from stripe_sync.jobs.inputs.direct_writes import write
from stripe_sync.jobs.inputs.invoices import read_one
from stripe_sync.jobs.runtime.answers import answered
from stripe_sync.jobs.runtime.approvals import ask_about
from stripe_sync.jobs.runtime.context import Run, Session
from stripe_sync.jobs.runtime.step import Result, step
from stripe_sync.jobs.usage.ended_subscriptions import removals
from stripe_sync.jobs.usage.final_invoice import make_final_invoices, switch_on
from stripe_sync.jobs.usage.meter_events import EVENT, Known, Metered, metered
from stripe_sync.jobs.usage.minimum_spend import with_covered
from stripe_sync.jobs.usage.permissions import entity_of, leased, may_write, owner_of
from stripe_sync.jobs.usage.surplus import place
from stripe_sync.warehouse import runs
from stripe_sync.warehouse.plans import approvals
from stripe_sync.warehouse.usage import movements, usage_invoices, usage_windows
from stripe_sync.warehouse.writes.leases import Lease


@dataclass(frozen=True)
class Page:
    """One draft with its windows, the lines that it should have, what a meter bills of it, and what is to be written."""

    invoice: Invoice
    windows: Sequence[Window]
    lines: Sequence[UsageLine]
    actions: Sequence[Action]
    metered: Sequence[Metered] = ()
    waits: str = ""

    @property
    def amount(self) -> Decimal:
        """What it bills for use, by lines and by meters, minor units."""
        counted = [bill_of(m.window) for m in self.metered if meter_on(m.window, self.invoice) is not None]
        return Decimal(sum(line.amount for line in self.lines) + sum(b.terms.amount(b.quantity) for b in counted))

    @property
    def problems(self) -> list[str]:
        """Why it is not proven although nothing is to be written."""
        return [m.problem for m in self.metered if m.problem] + ([self.waits] if self.waits else [])


@step
def usage_lines(session: Session, run: Run) -> Result:
    """Writes the lines of all drafts that are due, and moves in the ledger what is proven by Stripe's answers."""
    name = session.environment.name
    due = runs.result(session.engine, name, run.id, "usage_due") or {}
    if not due.get("due"):
        return {"lines": {}, "proven": 0, "waits": []}
    if not may_write(session, run, due.get("held_at_observe", "")):
        return {"lines": {}, "proven": 0, "waits": ["The lane usage is in mode observe (modes.usage)."]}
    with leased(session, run) as lease:
        told = make_final_invoices(session, run, lease)
        pages = drafts_to_write(session, run, lease)
        unsettle(session, run, pages)
        permits, waits, asked = decided(session, run, pages)
        actions = [a for p in pages for a in p.actions]
        steps = {s.action.hash: s for s in write(session, run, actions, lease, permits)}
        proven = sum(prove(session, run, page, [steps[a.hash] for a in page.actions]) for page in pages)
        write(session, run, removals(session), lease)
        told += switch_on(session, run, lease)
    finish_approvals(session, steps)
    counts: dict[str, int] = defaultdict(int)
    for written in steps.values():
        counts[written.result] += 1
    refused = [f"{s.action.cause}: {s.detail}" for s in steps.values() if s.result == "refused"]
    refused += [f"{p.invoice.invoice}: {problem}" for p in pages for problem in p.problems]
    return {"lines": dict(counts), "proven": proven, "waits": waits, "refused": refused, "asked": asked, "pages": told}


def drafts_to_write(session: Session, run: Run, lease: Lease) -> list[Page]:
    """The drafts of windows that were read, with what they should bill.

    A draft that seems to need a write is read by its id first: a list may be older than our own last write. So is one that
    a meter bills: its lines follow what was counted.
    """
    name = session.environment.name
    with session.engine.connect() as connection:
        windows = usage_windows.in_states(connection, name, (*BILLABLE, UsageState.WAIVED))
        seen = usage_invoices.may_bill(connection, name, windows)
    assigned = assign(windows, seen)
    by_invoice: dict[str, list[Window]] = defaultdict(list)
    for window in windows:
        if (found := assigned.get(window.id)) is not None and found.status == "draft":
            by_invoice[found.invoice].append(window)
    seen = [with_covered(session, i, by_invoice[i.invoice]) if i.invoice in by_invoice else i for i in seen]
    placed = place(session, run, lease, by_invoice, seen)
    pages = [
        page_of(session, placed.invoices[id], its, placed.waits.get(id, ""))
        for id, its in sorted(placed.windows.items())
    ]
    fresh = [read_again(session, page) if page.actions or is_metered(page) else page for page in pages]
    known: Known = {}
    return [with_meters(session, run, page, known) for page in fresh if page.invoice.status == "draft"]


def is_metered(page: Page) -> bool:
    """Whether a meter bills, or could bill, a window of a draft that is not proven."""
    return any(w.terms.meter is not None and w.state in ledger.OPEN for w in page.windows)


def with_meters(session: Session, run: Run, page: Page, known: Known) -> Page:
    """A draft with what its meters have counted; those that are proven are asked again where more was used since."""
    asked = [w for w in page.windows if w.state in ledger.OPEN]
    found = metered(session, run, page.invoice, asked, known)
    if not found:
        return page
    events = [m.action for m in found if m.action is not None]
    return replace(page, actions=[*page.actions, *events], metered=found)


def read_again(session: Session, page: Page) -> Page:
    """The draft as it is at this moment."""
    seen = read_one(session, page.invoice)
    if seen is None:
        return page
    seen = with_covered(session, seen, page.windows)
    return page_of(session, seen, page.windows, page.waits) if seen.status == "draft" else replace(page, invoice=seen)


def page_of(session: Session, invoice: Invoice, windows: Sequence[Window], waits: str = "") -> Page:
    """One draft: the lines of its windows against our lines on it; those of a waived window go."""
    lines = lines_for(owner_of(session), invoice, windows)
    taken = [(w.charge, epoch(w.start)) for w in windows]
    actions = drafts.actions(
        invoice, lines, drafts.own_lines(invoice.body, session.signer),
        entity=entity_of(session, invoice.subscription), taken=taken,
    )  # fmt: skip
    return Page(invoice, windows, lines, actions, waits=waits)


def unsettle(session: Session, run: Run, pages: Iterable[Page]) -> None:
    """What counted as proven and is not on its draft any more, because somebody took it off or changed it, is not proven."""
    with session.engine.begin() as connection:
        for page in pages:
            touched = {window_of(a.target) for a in page.actions if a.kind != "usageline.remove"}
            for window in page.windows:
                if window.state is UsageState.VERIFIED and (window.charge, epoch(window.start)) in touched:
                    back = Drain(
                        window=window.id,
                        sources=(UsageState.VERIFIED,),
                        target=UsageState.PENDING,
                        invoice=page.invoice.invoice,
                        reason="Its lines on the draft were changed by somebody.",
                    )
                    movements.drain(connection, back, at=run.now, run_id=run.id)


def decided(session: Session, run: Run, pages: Sequence[Page]) -> tuple[Permits, list[str], list[str]]:
    """Return (the permits of the actions; why some of it waits; the sets that a person is asked about from now on).

    Whoever is asked about an invoice is asked about all of it.
    """
    environment = run.narrowed(session.environment)
    limits = {c: money.to_minor(a, c) for c, a in environment.limits.money("usage").items()}
    approved, of_lane = approved_hashes(session), ["The lane usage is in mode propose (modes.usage)."]
    if environment.mode(USAGE) == Mode.ENFORCE:
        of_lane = lane_refusals(USAGE, environment, answered(session))
    decisions: dict[str, Decision] = {}
    verdicts, waits = [], []
    for page in pages:
        currency = page.invoice.body["currency"]
        why = [*of_lane]
        if currency in limits and page.amount > limits[currency]:
            why.append(
                f"{money.shown(page.amount, currency)} of usage are more than the {money.shown(limits[currency], currency)} "
                f"of environments.{environment.name}.limits.usage.{currency}."
            )
        asked = [a for a in page.actions if a.hash not in approved] if why else []
        decisions |= {a.hash: Decision.WAIT if a in asked else Decision.APPLY for a in page.actions}
        if asked:
            waits.append(f"{page.invoice.invoice}: {why[0]}")
            due = {currency: sum((a.due_now[currency] for a in asked), Decimal(0))}
            verdicts.append(Verdict(group=f"{USAGE}/{page.invoice.invoice}", lane=USAGE, decision=Decision.WAIT,
                                    actions=[a.hash for a in asked], due_now=due, per_month={},
                                    refusals=[*why, *(a.sentence for a in asked[: questions.SHOWN])]))  # fmt: skip
    plan = Plan(environment=environment.name, actions=[a for p in pages for a in p.actions])
    return Permits(decisions), waits, ask_about(session, run, plan, verdicts)


def approved_hashes(session: Session) -> frozenset[str]:
    """The actions that a person said yes to."""
    with session.engine.connect() as connection:
        found = approvals.approved_sets(connection, session.environment.name, lane=USAGE)
    return frozenset(action for actions in found.values() for action in actions)


def finish_approvals(session: Session, steps: Mapping[str, Step]) -> None:
    """What was approved is applied once: what of it is not planned any more is gone."""
    name = session.environment.name
    with session.engine.begin() as connection:
        for hash, actions in approvals.approved_sets(connection, name, lane=USAGE).items():
            results: dict[str, int] = defaultdict(int)
            for action in actions:
                results[steps[action].result if action in steps else "dropped"] += 1
            approvals.applied(connection, name, hash, results)


def prove(session: Session, run: Run, page: Page, steps: Sequence[Step]) -> int:
    """Moves the windows of a draft whose every line is as it should be; gives how many."""
    by_meter = {m.window.id: m for m in page.metered}
    sent = {s.action.hash: s for s in steps if s.action.noun == EVENT}
    lines = [s for s in steps if s.action.noun != EVENT]
    complete = all(step.result == "done" and not step.unverified for step in lines)
    unknown = any(step.result == "unknown" for step in lines)
    moved = 0
    with session.engine.begin() as connection:
        for window in page.windows:
            if (
                window.state not in BILLABLE
                or window.quantity is None
                or (window.state is UsageState.VERIFIED and not lines)
            ):
                continue
            counted = by_meter.get(window.id)
            if counted is None and meter_on(window, page.invoice) is not None:
                continue
            if counted is not None and (counted.action is not None or counted.problem):
                step = sent.get(counted.action.hash) if counted.action is not None else None
                if step is not None and step.result == "done":
                    sent_now = Drain(
                        window=window.id,
                        sources=(UsageState.PENDING,),
                        target=UsageState.SUBMITTED,
                        invoice=page.invoice.invoice,
                    )
                    movements.drain(connection, sent_now, at=run.now, run_id=run.id)
                continue
            if complete:
                verified = Drain(
                    window=window.id,
                    sources=ledger.OPEN,
                    target=UsageState.VERIFIED,
                    invoice=page.invoice.invoice,
                )
                movements.drain(connection, verified, at=run.now, run_id=run.id)
                moved += 1
            elif unknown:
                maybe = Drain(
                    window=window.id,
                    sources=(UsageState.PENDING,),
                    target=UsageState.SUBMITTED,
                    invoice=page.invoice.invoice,
                )
                movements.drain(connection, maybe, at=run.now, run_id=run.id)
    return moved

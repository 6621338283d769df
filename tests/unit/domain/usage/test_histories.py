"""Random histories of one charge: usage is conserved and windows tile its life, whatever happens (DESIGN 5, invariant 10).

Each history is a list of events: usage now, late or corrected; time; new prices and ends; readings; writes that Stripe
makes, refuses or answers with nothing; lines that a person takes off; holds; invoices that become final, void, deleted or
credited; waivers. The decisions are those of the usage job, in its order, with a list for the database and for Stripe.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal as D
from functools import reduce
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from stripe_sync.domain.usage import ledger
from stripe_sync.domain.usage.bills import Invoice
from stripe_sync.domain.usage.decide import due, lines, reading, settlement
from stripe_sync.domain.usage.decide.assignment import assign
from stripe_sync.domain.usage.decide.lines import WriteResult
from stripe_sync.domain.usage.holds import rules
from stripe_sync.domain.usage.ledger import BILLABLE, OPEN, Balance, Drain, Movement, UsageState
from stripe_sync.domain.usage.windows import TermsRevision, Timeline, UnstoredWindow, Window
from tests.unit.domain.usage.values import (
    CALLS,
    DAY,
    HOUR,
    OWNER,
    START,
    TERMS,
    charge,
    invoice,
    own_line,
    state,
    terms_revision,
    window,
)

S = UsageState
PERIOD = 30 * DAY
SOON = timedelta(minutes=20)
READ = (S.REPORTED, *BILLABLE)


@dataclass
class History:
    """One charge with its ledger; ``used`` is what Stigg would report, by the moment of use."""

    now: datetime = START
    used: dict[datetime, D] = field(default_factory=dict)
    revisions: list[TermsRevision] = field(default_factory=lambda: [terms_revision()])
    windows: dict[int, Window] = field(default_factory=dict)
    invoices: dict[str, Invoice] = field(default_factory=dict)
    credited: set[str] = field(default_factory=set)

    def ordered(self) -> list[Window]:
        return sorted(self.windows.values(), key=lambda w: w.start)

    def seen(self) -> list[Invoice]:
        return sorted(self.invoices.values(), key=lambda i: i.bound)

    def book(self, movements: Iterable[Movement]) -> None:
        """Book movements; the newest one of a window is its state."""
        for movement in movements:
            before = self.windows[movement.window]
            self.windows[movement.window] = replace(
                before,
                balances=ledger.book(before.balances, movement),
                state=movement.target,
                invoice=movement.invoice,
            )

    def drain(self, drains: Iterable[Drain]) -> None:
        for drain in drains:
            self.book(drain.movements(self.windows[drain.window].balances))

    # Events

    def use(self, days: int, amount: int) -> None:
        """Report usage of some days ago; below zero it is a correction."""
        moment = max(START, self.now - days * DAY) + HOUR
        self.used[moment] = self.used.get(moment, D(0)) + D(amount) / 4

    def let_pass(self, days: int, _: int) -> None:
        self.now += days * DAY
        bounds = [START + n * PERIOD for n in range(1, (self.now - START) // PERIOD + 1)]
        for bound in bounds:
            id = f"in_{bound:%m%d%y}"
            self.invoices.setdefault(id, invoice(id, bound=bound, created_at=bound, finalizes_at=bound + HOUR))
        self.store_windows()

    def store_windows(self) -> None:
        renewals = {"sub_1": {invoice.bound for invoice in self.seen()}}
        for _, ended in due.decide_windows(self.ledger_state(), renewals, now=self.now):
            self.add(ended)

    def add(self, ended: UnstoredWindow) -> None:
        assert ended.revision.terms is not None
        id = len(self.windows) + 1
        self.windows[id] = window(
            S.REPORTED, id=id, start=ended.start, end=ended.end, terms=ended.revision.terms, quantity=None
        )

    def ledger_state(self, terms: Any = None) -> due.LedgerState:
        until: dict[Timeline, datetime] = {CALLS: max(w.end for w in self.windows.values())} if self.windows else {}
        held = [charge(terms=terms)] if terms is not None else []
        return state(now=self.now, charges=held, revisions={CALLS: self.revisions}, covered_until=until)

    def revise(self, cents: int, _: int) -> None:
        content = TERMS.content | {"unit_amount": str(cents)}
        terms = structs.replace(TERMS, content=content)
        for change in due.decide_revisions(self.ledger_state(terms), now=self.now):
            self.revisions.append(terms_revision(change.since, change.terms, id=len(self.revisions) + 1))

    def end(self, by: int, _: int) -> None:
        """End the charge, by Stigg or by a person in Stripe; a later price is a new revision."""
        last = self.revisions[-1]
        since = max([last.since + timedelta(seconds=1), self.now, *(w.end for w in self.windows.values())])
        if last.terms is not None:
            self.revisions.append(
                terms_revision(since, None, id=len(self.revisions) + 1, why=("stigg", "stripe")[by % 2])
            )

    def read(self, near: int, _: int) -> None:
        """Read what the job reads; ``near`` moves the clock to the last minutes of a draft."""
        now = self.now if near % 2 else self.now + 40 * DAY
        open_windows = [w for w in self.ordered() if w.state in READ]
        for one in reading.windows_to_read(open_windows, self.seen(), blocked=(), now=now, soon=SOON):
            quantity = sum((v for at, v in self.used.items() if one.start <= at < one.end), D(0))
            if quantity >= 0:  # below zero it is refused (quantities.checked)
                self.book(reading.decide_reading(self.windows[one.id], quantity))
                self.windows[one.id] = replace(self.windows[one.id], quantity=quantity, read_at=now)

    def write(self, result: int, cents: int) -> None:
        """Write the lines of drafts. Stripe makes them, rounds them by a cent, refuses them, or does not answer."""
        windows = [w for w in self.ordered() if w.state in (*BILLABLE, S.WAIVED)]
        for id, its in lines.windows_by_draft(windows, self.seen()).items():
            draft = lines.reconcile(self.invoices[id], its, owner=OWNER, entity=("subscription", "s-1"))
            self.drain(lines.decide_unproven([draft]))
            its = [self.windows[w.id] for w in its]
            draft = lines.reconcile(self.invoices[id], its, owner=OWNER, entity=("subscription", "s-1"))
            outcome = ("done", "done", "unknown", "refused")[result % 4]
            if outcome != "refused":
                self.put(draft, cents % 3 - 1)
            results = [WriteResult(action=a.hash, cause=id, result=outcome) for a in draft.actions]
            self.drain(lines.decide_proof(draft, results).drains)

    def put(self, draft: lines.DraftReconciliation, cents: int) -> None:
        """Make a draft have the lines that were written, each rounded by some cents."""
        body = draft.invoice.body
        touched = {action.target for action in draft.actions}
        kept = [
            line
            for line in body["lines"]["data"]
            if OWNER.signer.key_of(line["metadata"].get("stiggSyncKey")) not in touched
        ]
        new = [own_line(line, amount=line.amount + cents) for line in draft.lines if line.key in touched]
        self.show(draft.invoice, lines={"data": [*kept, *new]})

    def show(self, seen: Invoice, **fields: Any) -> None:
        status = fields.get("status", seen.status)
        self.invoices[seen.invoice] = replace(seen, body=seen.body | fields, status=status)

    def take_off(self, number: int, _: int) -> None:
        """Take our lines off a draft, as a person does."""
        for draft in [i for i in self.seen() if i.status == "draft"][number % 3 : number % 3 + 1]:
            self.show(draft, lines={"data": draft.body["lines"]["data"][:1]})

    def hold(self, hours: int, is_released: int) -> None:
        """Hold each draft, or let it go; its time is never set to an earlier one, and never after the deadline."""
        for seen in [i for i in self.seen() if i.status == "draft" and i.finalizes_at is not None]:
            deadline, now = seen.bound + DAY, seen.bound + hours * HOUR
            draft = rules.Draft(seen.created_at, deadline, seen.finalizes_at, is_on=True)
            current = rules.OwnHold(seen.created_at + HOUR, deadline, is_stop=False) if is_released % 2 else None
            decided = rules.decide(draft, () if is_released % 2 else {"usage"}, current, now=now)
            if isinstance(decided, rules.Hold):
                assert seen.finalizes_at is not None and seen.finalizes_at < decided.until <= deadline
                self.invoices[seen.invoice] = replace(seen, finalizes_at=decided.until)
            elif isinstance(decided, rules.Release):
                assert seen.created_at + HOUR <= decided.moment < deadline
                self.invoices[seen.invoice] = replace(seen, finalizes_at=decided.moment)

    def finish(self, number: int, status: int) -> None:
        """Finalize, void or delete an invoice; settle what it decides."""
        chosen = ("open", "paid", "uncollectible", "void", "deleted")[status % 5]
        for seen in self.seen()[number % 4 : number % 4 + 1]:
            if seen.status == "draft" or (chosen == "void" and seen.status == "open"):
                self.show(seen, status=chosen)
        self.settle()

    def credit(self, number: int, _: int) -> None:
        for seen in [i for i in self.seen() if i.status == "paid"][number % 3 : number % 3 + 1]:
            amounts = {line["id"]: line["amount"] for line in seen.body["lines"]["data"]}
            self.show(seen, credited=amounts)
        self.settle()

    def settle(self) -> None:
        windows = [w for w in self.ordered() if w.state in (*BILLABLE, S.BILLED)]
        assigned = assign(windows, self.seen())
        final = settlement.finalized(assigned)
        named = {i.invoice: [w for w in self.ordered() if w.invoice == i.invoice] for i in final.values()}
        self.drain(settlement.settle(windows, final, named, owner=OWNER).drains)
        for id, seen in final.items():
            its = [w for w in self.ordered() if w.invoice == seen.invoice]
            self.book(settlement.book_rounding(self.windows[id], seen, its, owner=OWNER))
        self.drain(settlement.abandon(windows, assigned, {CALLS: self.revisions}).drains)

    def waive(self, number: int, _: int) -> None:
        """Waive one window, as a person may."""
        open_windows = [w for w in self.ordered() if w.quantity is not None and w.state not in (S.BILLED, S.WAIVED)]
        for one in open_windows[number % 4 : number % 4 + 1]:
            sources = (*BILLABLE, S.UNBILLABLE, S.REVERSED)
            self.drain([Drain(window=one.id, sources=sources, target=S.WAIVED, person="ana")])

    # Invariants

    def check(self) -> None:
        for one in self.windows.values():
            total = ledger.total(one.balances)
            expected = (
                Balance(one.quantity, D(one.terms.amount(one.quantity))) if one.quantity is not None else Balance()
            )
            assert total == expected, one
            assert ledger.total(one.balances, [S.ROUNDED]).quantity == 0
            assert all(one.balance(s).quantity >= 0 for s in (S.BILLED, S.VERIFIED, S.SUBMITTED))
        self.check_tiles()

    def check_tiles(self) -> None:
        """Windows follow each other without overlap, and a gap between two is time in which the charge was closed."""
        ordered = self.ordered()
        closed = [(a.since, b.since) for a, b in pairwise(self.revisions) if a.terms is None]
        for before, after in pairwise(ordered):
            assert before.end == after.start or (before.end, after.start) in closed
        assert all(w.start < w.end <= self.now for w in ordered)
        assert not ordered or ordered[0].start == START


EVENTS: dict[str, Callable[[History, int, int], None]] = {
    "use": History.use, "pass": History.let_pass, "revise": History.revise, "end": History.end, "read": History.read,
    "write": History.write, "take off": History.take_off, "hold": History.hold, "finish": History.finish,
    "credit": History.credit, "waive": History.waive,
}  # fmt: skip
FREQUENT = ("use", "pass", "read", "write", "finish")
EVENT = st.tuples(st.sampled_from([*EVENTS, *FREQUENT, *FREQUENT]), st.integers(0, 40), st.integers(-8, 40))


@settings(max_examples=150, deadline=None)
@given(st.lists(EVENT, min_size=4, max_size=40))
def test_usage_is_conserved_and_windows_tile_whatever_happens(events: list[tuple[str, int, int]]) -> None:
    history = History()
    for name, first, second in events:
        EVENTS[name](history, first, second)
        history.check()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 40)), max_size=15), st.integers(1, 4), st.integers(0, 2))
def test_all_usage_of_stored_windows_is_billed_in_the_end(
    usage: list[tuple[int, int]], periods: int, cents: int
) -> None:
    """All usage within the windows is on paid invoices: the sum over all of them, and its amount with what Stripe rounds."""
    history = History()
    for day, amount in usage:
        history.used[START + day * DAY] = history.used.get(START + day * DAY, D(0)) + D(amount) / 4
    for number in range(periods):
        history.let_pass(30, 0)
        history.read(1, 0)
        history.write(0, cents)
        history.finish(number, 1)
        history.check()
    stored = sum((v for at, v in history.used.items() if at < START + periods * PERIOD), D(0))
    billed = reduce(lambda total, w: total + w.balance(S.BILLED), history.windows.values(), Balance())
    assert billed.quantity == stored
    shown = [line for i in history.seen() for line in i.body["lines"]["data"] if line["metadata"]]
    assert billed.amount == sum(line["amount"] for line in shown)
    assert not any(w.balance(*OPEN).quantity for w in history.windows.values())

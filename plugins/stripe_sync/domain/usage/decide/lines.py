"""Lines on drafts: those that each draft should have against those that it has, and the movements that its proof makes. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from stripe_sync.core.clock import epoch
from stripe_sync.domain.model.stripe_status import InvoiceStatus
from stripe_sync.domain.plan.actions import Action, ActionKind
from stripe_sync.domain.usage import drafts
from stripe_sync.domain.usage.bills import Invoice, bill_of, meter_on, window_of
from stripe_sync.domain.usage.decide.assignment import assign
from stripe_sync.domain.usage.decide.meters import MeteredWindow
from stripe_sync.domain.usage.ledger import BILLABLE, OPEN, Drain, UsageState
from stripe_sync.domain.usage.line_proof import Owner, lines_for
from stripe_sync.domain.usage.proof import UsageLine
from stripe_sync.domain.usage.windows import Window

CHANGED = "Its lines on the draft were changed in Stripe."


@dataclass(frozen=True, kw_only=True)
class DraftReconciliation:
    """One draft with its windows, the lines that it should have, those that a meter bills, and the writes that are missing.

    ``entity`` is the Stigg subscription; ``waits`` is the reason why usage of it is on no draft.
    """

    invoice: Invoice
    entity: tuple[str, str]
    windows: Sequence[Window]
    lines: Sequence[UsageLine]
    actions: Sequence[Action]
    metered: Sequence[MeteredWindow] = ()
    waits: str = ""

    @property
    def amount(self) -> Decimal:
        """Amount for usage, by lines and by meters, minor units."""
        counted = [bill_of(m.window) for m in self.metered if meter_on(m.window, self.invoice) is not None]
        return Decimal(sum(line.amount for line in self.lines) + sum(b.terms.amount(b.quantity) for b in counted))

    @property
    def problems(self) -> list[str]:
        """Reasons why it is not proven although nothing is to be written."""
        return [m.problem for m in self.metered if m.problem] + ([self.waits] if self.waits else [])

    @property
    def open_windows(self) -> list[Window]:
        """The windows that are not proven."""
        return [window for window in self.windows if window.state in OPEN]

    def is_draft(self) -> bool:
        """Return whether lines can be put on it."""
        return self.invoice.status == InvoiceStatus.DRAFT

    def is_read_again(self) -> bool:
        """Return whether it is read by its id first: a list may be older than our own last write, and a meter counts later."""
        return bool(self.actions) or any(window.terms.meter is not None for window in self.open_windows)

    def with_metered(self, metered: Sequence[MeteredWindow]) -> DraftReconciliation:
        """Return it with what its meters have counted, and the events that are missing there."""
        events = [one.action for one in metered if one.action is not None]
        return replace(self, actions=[*self.actions, *events], metered=metered)


@dataclass(frozen=True, kw_only=True)
class WriteResult:
    """Result of one write on a draft: ``action`` is the hash of it, ``result`` as the executor gives it."""

    action: str
    cause: str
    result: str
    is_event: bool = False
    is_verified: bool = True
    detail: str = ""


@dataclass(frozen=True)
class Proof:
    """Movements that the writes on a draft make, and the number of windows that are proven by them."""

    drains: tuple[Drain, ...]
    proven: int


def windows_by_draft(windows: Sequence[Window], invoices: Iterable[Invoice]) -> dict[str, list[Window]]:
    """Return the windows of each draft, by its id."""
    assigned = assign(windows, invoices)
    by_draft: dict[str, list[Window]] = defaultdict(list)
    for window in windows:
        invoice = assigned.get(window.id)
        if invoice is not None and invoice.status == InvoiceStatus.DRAFT:
            by_draft[invoice.invoice].append(window)
    return dict(by_draft)


def reconcile(
    invoice: Invoice, windows: Sequence[Window], *, owner: Owner, entity: tuple[str, str], waits: str = ""
) -> DraftReconciliation:
    """Compare the lines of the windows of a draft with our lines on it; those of a waived window go."""
    lines = lines_for(owner, invoice, windows)
    there = drafts.own_lines(invoice.stripe, owner.signer)
    taken = [(window.charge, epoch(window.start)) for window in windows]
    actions = drafts.actions(invoice, lines, there, entity=entity, taken=taken)
    return DraftReconciliation(
        invoice=invoice, entity=entity, windows=windows, lines=lines, actions=actions, waits=waits
    )


def as_read(draft: DraftReconciliation, invoice: Invoice, *, owner: Owner) -> DraftReconciliation:
    """Return a draft as it was read by its id; one that is final keeps its lines as they were compared."""
    if invoice.status != InvoiceStatus.DRAFT:
        return replace(draft, invoice=invoice)
    return reconcile(invoice, draft.windows, owner=owner, entity=draft.entity, waits=draft.waits)


def decide_unproven(reconciled: Iterable[DraftReconciliation]) -> list[Drain]:
    """Take windows back that counted as proven and are not on their draft any more: their lines were removed or changed."""
    return [
        Drain(
            window=window.id,
            sources=(UsageState.VERIFIED,),
            target=UsageState.PENDING,
            invoice=draft.invoice.invoice,
            reason=CHANGED,
        )
        for draft in reconciled
        for window in draft.windows
        if window.state is UsageState.VERIFIED and (window.charge, epoch(window.start)) in _put_or_changed(draft)
    ]


def _put_or_changed(draft: DraftReconciliation) -> set[tuple[str, int]]:
    return {window_of(action.target) for action in draft.actions if action.kind != ActionKind.USAGE_LINE_REMOVE}


def decide_proof(draft: DraftReconciliation, writes: Sequence[WriteResult]) -> Proof:
    """Move the windows of a draft whose every line is as it should be; what was sent and is not proven is submitted."""
    drains = []
    metered = {one.window.id: one for one in draft.metered}
    for window in draft.windows:
        target = _target(window, draft, metered.get(window.id), writes)
        if target is not None:
            sources = OPEN if target is UsageState.VERIFIED else (UsageState.PENDING,)
            drains.append(Drain(window=window.id, sources=sources, target=target, invoice=draft.invoice.invoice))
    return Proof(tuple(drains), sum(drain.target is UsageState.VERIFIED for drain in drains))


def _target(
    window: Window, draft: DraftReconciliation, metered: MeteredWindow | None, writes: Sequence[WriteResult]
) -> UsageState | None:
    """Return the state into which a window is moved; None where it stays."""
    lines = [write for write in writes if not write.is_event]
    is_proven_already = window.state is UsageState.VERIFIED and not lines
    if window.state not in BILLABLE or window.quantity is None or is_proven_already:
        return None
    if metered is None and meter_on(window, draft.invoice) is not None:
        return None
    if metered is not None and (metered.action is not None or metered.problem):
        return UsageState.SUBMITTED if _is_sent(metered, writes) else None
    if all(line.result == "done" and line.is_verified for line in lines):
        return UsageState.VERIFIED
    return UsageState.SUBMITTED if any(line.result == "unknown" for line in lines) else None


def _is_sent(metered: MeteredWindow, writes: Iterable[WriteResult]) -> bool:
    sent = {write.action for write in writes if write.is_event and write.result == "done"}
    return metered.action is not None and metered.action.hash in sent


def refusals(reconciled: Iterable[DraftReconciliation], writes: Iterable[WriteResult]) -> list[str]:
    """Return a sentence on each write that was refused, and on each draft that is not proven although nothing is to be written."""
    refused = [f"{write.cause}: {write.detail}" for write in writes if write.result == "refused"]
    return refused + [f"{draft.invoice.invoice}: {problem}" for draft in reconciled for problem in draft.problems]

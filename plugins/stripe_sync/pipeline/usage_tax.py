"""Holds renewal drafts whose tax Stripe cannot compute, and releases them once it can (BILLING 9)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from stripe_sync.pipeline.preflight import held_at_observe
from stripe_sync.pipeline.session import Run, Session
from stripe_sync.pipeline.station import Result
from stripe_sync.pipeline.usage_invoices import seen_invoice
from stripe_sync.pipeline.usage_timing import hold, is_advancing, is_own_stop, release, unproven
from stripe_sync.pipeline.usage_writes import leased, may_write
from stripe_sync.usage import untaxed
from stripe_sync.usage.stuck import Stuck
from stripe_sync.warehouse import usage
from stripe_sync.warehouse.leases import Lease
from stripe_sync.warehouse.usage import Hold, Invoice


def hold_untaxed(
    session: Session, run: Run, bodies: Iterable[Mapping[str, Any]], due: Result
) -> tuple[list[Stuck], frozenset[str]]:
    """Hold the drafts that cannot be taxed, release those that can be again.

    Return a row for each that cannot, and the ids of those released.
    ``bodies`` are drafts of linked subscriptions as Stripe has them now; ``due`` is what the run found due.
    What a person released goes out; what a person, a pause or Stripe stopped stays stopped, and is no row here.
    """
    name = session.environment.name
    with session.engine.connect() as connection:
        holds = usage.holds(connection, name)
    bad = [b for b in bodies if untaxed.problem_of(b) is not None and not is_let_go(holds.get(b["id"]))]
    held = [b for b in bodies if b["status"] == "draft" and is_held_for_tax(holds.get(b["id"]))]
    good = [b for b in held if untaxed.problem_of(b) is None]
    if not bad and not good:
        return [], frozenset()
    waiting = [i for i in seen(session, bad) if is_advancing(i) or is_stopped_by_us(holds.get(i.invoice))]
    released: list[str] = []
    observed = due.get("held_at_observe") or held_at_observe(session)
    if may_write(session, run, observed):
        blocked = {p["stripe_subscription"] for p in due.get("problems", ())}
        with leased(session, run) as lease:
            wait(session, run, lease, waiting, holds, observed=observed)
            released = let_go(session, run, lease, seen(session, good), blocked, observed=observed)
    with session.engine.connect() as connection:
        now = [found for i in waiting if (found := usage.invoice(connection, name, i.invoice)) is not None]
    return [untaxed.row(i.body, i.subscription, i.finalizes_at) for i in now], frozenset(released)


def is_let_go(hold: Hold | None) -> bool:
    """Return whether a person released a draft: it goes out as it is."""
    return hold is not None and bool(hold.person) and not hold.held


def is_held_for_tax(hold: Hold | None) -> bool:
    return hold is not None and hold.held and not hold.person and hold.reason == untaxed.REASON


def is_stopped_by_us(hold: Hold | None) -> bool:
    return hold is not None and is_own_stop(hold) and not hold.person


def seen(session: Session, bodies: Iterable[Mapping[str, Any]]) -> list[Invoice]:
    """Return the renewals among drafts, kept in the ledger as they are now."""
    found = [invoice for body in bodies if (invoice := seen_invoice(session, dict(body))) is not None]
    with session.engine.begin() as connection:
        for invoice in found:
            usage.see(connection, session.environment.name, invoice)
    return found


def wait(
    session: Session, run: Run, lease: Lease, invoices: Sequence[Invoice], holds: Mapping[str, Hold], *, observed: str
) -> None:
    """Hold drafts until the deadline. What is held already waits for its tax from now on; what a person holds is left."""
    left = [i for i in invoices if not is_persons(holds.get(i.invoice))]
    hold(session, run, lease, left, why=untaxed.REASON, observed=observed)
    with session.engine.begin() as connection:
        for invoice in left:
            was = holds.get(invoice.invoice)
            if was is not None and was.held and was.reason != untaxed.REASON:
                usage.hold(
                    connection, session.environment.name, invoice.invoice, held=True, original=was.original,
                    until=was.until, reason=untaxed.REASON, at=run.now, run_id=run.id,
                )  # fmt: skip


def is_persons(hold: Hold | None) -> bool:
    return hold is not None and hold.held and bool(hold.person)


def let_go(
    session: Session, run: Run, lease: Lease, invoices: Sequence[Invoice], blocked: Collection[str], *, observed: str
) -> list[str]:
    """Release drafts whose tax is good again, unless their use is still to be proven; return their ids."""
    with session.engine.connect() as connection:
        windows = usage.windows(connection, session.environment.name, states=(None, *usage.OPEN))
    missing = {i.invoice for i in unproven([w for w in windows if w.end <= run.now], invoices, blocked)}
    done = [i for i in invoices if i.invoice not in missing]
    return release(session, run, lease, done, observed=observed, why=untaxed.GOOD_AGAIN)

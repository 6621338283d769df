"""Invoices of usage as they were last seen."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, text

from stripe_sync.domain.usage.bills import Invoice
from stripe_sync.domain.usage.windows import Window
from stripe_sync.warehouse.engine import dumps

SEEN = "select invoice, subscription, status, bound, created_at, finalizes_at, look_again, body from usage_invoice "


def see(connection: Connection, environment: str, seen: Invoice, *, grace: int | None = None) -> None:
    """Store an invoice as it is now. ``grace`` is the time in seconds that a draft waits which was not moved; the first one is kept."""
    connection.execute(
        text(
            "insert into usage_invoice (environment, invoice, subscription, status, bound, created_at, finalizes_at, body, "
            "grace) values (:e, :i, :s, :status, :b, :c, :f, cast(:body as jsonb), :g) "
            "on conflict (environment, invoice) do update set status = excluded.status, "
            "finalizes_at = excluded.finalizes_at, look_again = false, "
            "body = jsonb_strip_nulls(jsonb_build_object('covered', usage_invoice.body -> 'covered', "
            "'unowed', usage_invoice.body -> 'unowed')) || excluded.body, "
            "grace = coalesce(usage_invoice.grace, excluded.grace)"
        ),
        {
            "e": environment, "i": seen.invoice, "s": seen.subscription, "status": seen.status, "b": seen.bound,
            "c": seen.created_at, "f": seen.finalizes_at, "body": dumps(seen.body), "g": grace,
        },
    )  # fmt: skip


def may_bill(
    connection: Connection, environment: str, windows: Iterable[Window], *, also: Iterable[str] = ()
) -> list[Invoice]:
    """Return the invoices that may bill some windows, and the drafts of the subscriptions ``also``, in order of their bounds."""
    given = list(windows)
    rows = connection.execute(
        text(
            SEEN + "where environment = :e and ((subscription = any(:s) and bound >= :since) "
            "or (subscription = any(:also) and status = 'draft')) order by bound, created_at"
        ),
        {
            "e": environment, "s": list({w.subscription for w in given}), "also": list(also),
            "since": min((w.end for w in given), default=None),
        },
    )  # fmt: skip
    return [Invoice(**row._asdict()) for row in rows]


def bounds(connection: Connection, environment: str, *, since: datetime) -> dict[str, set[datetime]]:
    """Return the moments of the renewals whose invoices were seen, by subscription."""
    rows = connection.execute(
        text("select subscription, bound from usage_invoice where environment = :e and bound >= :since"),
        {"e": environment, "since": since},
    )
    found: dict[str, set[datetime]] = defaultdict(set)
    for row in rows:
        found[row.subscription].add(row.bound)
    return found


def by_id(connection: Connection, environment: str, id: str) -> Invoice | None:
    """Return one invoice as it was last seen."""
    row = connection.execute(
        text(SEEN + "where environment = :e and invoice = :i"),
        {"e": environment, "i": id},
    ).first()
    return Invoice(**row._asdict()) if row else None


def look_again(connection: Connection, environment: str, invoices: Iterable[str]) -> None:
    """Note invoices that others changed after they were finalized; the next run reads them."""
    connection.execute(
        text("update usage_invoice set look_again = true where environment = :e and invoice = any(:i)"),
        {"e": environment, "i": list(invoices)},
    )


def drafts_of(connection: Connection, environment: str, subscriptions: Iterable[str]) -> list[Invoice]:
    """Return the drafts of some subscriptions that were seen before."""
    rows = connection.execute(
        text(SEEN + "where environment = :e and status = 'draft' and subscription = any(:s) order by bound"),
        {"e": environment, "s": list(subscriptions)},
    )
    return [Invoice(**row._asdict()) for row in rows]


def of_subscriptions(connection: Connection, environment: str, subscriptions: Iterable[str]) -> list[Invoice]:
    """Return the invoices of some subscriptions that were seen before."""
    rows = connection.execute(
        text(SEEN + "where environment = :e and subscription = any(:s) order by bound"),
        {"e": environment, "s": list(subscriptions)},
    )
    return [Invoice(**row._asdict()) for row in rows]


def mark_unowed(connection: Connection, environment: str, invoices: Iterable[str], *, is_unowed: bool = True) -> None:
    """Note that invoices sell a period after the end of their subscription, where nothing more is billed on them, or not."""
    connection.execute(
        text(
            "update usage_invoice set body = body || jsonb_build_object('unowed', cast(:is as boolean)) "
            "where environment = :e and invoice = any(:i)"
        ),
        {"e": environment, "i": list(invoices), "is": is_unowed},
    )


def unowed_drafts(connection: Connection, environment: str) -> list[Invoice]:
    """Return the drafts on which nothing is billed because they sell a period after an end."""
    rows = connection.execute(
        text(SEEN + "where environment = :e and status = 'draft' and body->'unowed' = 'true'::jsonb order by bound"),
        {"e": environment},
    )
    return [Invoice(**row._asdict()) for row in rows]


def to_read_again(connection: Connection, environment: str, *, now: datetime) -> list[Invoice]:
    """Return the invoices to read again: drafts whose time has come, and those that others changed."""
    rows = connection.execute(
        text(
            SEEN
            + "where environment = :e and (look_again or (status = 'draft' and finalizes_at <= :now)) order by bound"
        ),
        {"e": environment, "now": now},
    )
    return [Invoice(**row._asdict()) for row in rows]


def drafts_in(connection: Connection, environment: str, ids: Iterable[str]) -> list[Invoice]:
    """Return the drafts among some invoices, as they were last seen."""
    rows = connection.execute(
        text(SEEN + "where environment = :e and status = 'draft' and invoice = any(:i) order by bound, invoice"),
        {"e": environment, "i": list(ids)},
    )
    return [Invoice(**row._asdict()) for row in rows]


def set_finalization(connection: Connection, environment: str, invoice: str, moment: datetime | None) -> None:
    """Store when a draft is finalized, after its time was moved."""
    connection.execute(
        text("update usage_invoice set finalizes_at = :m where environment = :e and invoice = :i"),
        {"e": environment, "i": invoice, "m": moment},
    )

"""Usage that is due, as tables: charges opened, revised and closed; windows that ended; subscriptions that are read."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal as D
from typing import Any

import pytest
from msgspec import structs

from stripe_sync.core.clock import epoch
from stripe_sync.core.reasons import ReasonCode
from stripe_sync.domain.usage.charges import Problem
from stripe_sync.domain.usage.decide.due import (
    StoredUsage,
    decide_revisions,
    decide_staleness,
    decide_windows,
    open_subscriptions,
    subscriptions_to_read,
)
from stripe_sync.domain.usage.ledger import UsageState
from stripe_sync.domain.usage.terms import Terms
from stripe_sync.domain.usage.windows import Measured
from tests.unit.domain.usage.values import (
    CALLS,
    DAY,
    END,
    HOUR,
    MEASURED,
    NEXT,
    NOW,
    SIGNER,
    START,
    TERMS,
    charge,
    invoice,
    state,
    stigg_subscription,
    stripe_subscription,
    terms_revision,
    window,
)

S = UsageState
SECOND, SOON = timedelta(seconds=1), timedelta(minutes=20)
DEARER = structs.replace(TERMS, content={"currency": "usd", "interval": "month", "unit_amount": "11"})
OTHER_CUSTOMER = Measured("s-1", "c-2", "calls", None, "si_1")
PROBLEM = Problem("s-1", "sub_1", ReasonCode.NO_AGGREGATION, "Say how it is counted.")
HALF = START + 14 * DAY
ENDED = stigg_subscription("CANCELED", effectiveEndDate=f"{HALF:%Y-%m-%dT%H:%M:%SZ}")


def revisions(**more: Any) -> list[tuple[datetime, Terms | None, str]]:
    return [(change.since, change.terms, change.why) for change in decide_revisions(state(**more), now=NOW)]


def living(**more: Any) -> dict[str, Any]:
    return {"charges": [charge(**more)]}


REVISED: dict[str, tuple[dict[str, Any], list[tuple[datetime, Terms | None, str]]]] = {
    "as it was": ({}, []),
    "new": ({"revisions": {}, "covered_until": {}}, [(START, TERMS, "")]),
    "in a trial, which bills no use": ({"revisions": {}, "covered_until": {}, **living(began=NOW + HOUR)}, []),
    "new since a moment": ({"revisions": {}, "covered_until": {}, **living(began=HALF)}, [(HALF, TERMS, "")]),
    "another price, now": (living(terms=DEARER), [(NOW, DEARER, "")]),
    "another price, dated": (living(terms=DEARER, changed=END + timedelta(minutes=5)), [(END + timedelta(minutes=5), DEARER, "")]),
    "another price, dated before stored windows": (living(terms=DEARER, changed=HALF), [(END, DEARER, "")]),
    "another price, dated before it opened": (living(terms=DEARER, changed=START - DAY), [(NOW, DEARER, "")]),
    "another price, dated as it opened": (living(terms=DEARER, changed=START), [(NOW, DEARER, "")]),
    "another price, in the future": (living(terms=DEARER, changed=NEXT), [(NOW, DEARER, "")]),
    "another price, nothing stored": ({**living(terms=DEARER, changed=HALF), "covered_until": {}}, [(HALF, DEARER, "")]),
    "opened again a second later": ({**living(terms=DEARER, changed=START + SECOND / 2), "covered_until": {}}, [(START + SECOND, DEARER, "")]),
    "another customer": (living(measured=OTHER_CUSTOMER), [(NOW, TERMS, "")]),
    "reopened": ({"revisions": {CALLS: [terms_revision(), terms_revision(HALF, None)]}}, [(NOW, TERMS, "")]),
    "ended in Stigg": ({"charges": [], "stigg": ENDED}, [(END, None, "stigg")]),
    "ended in Stigg, nothing stored": ({"charges": [], "stigg": ENDED, "covered_until": {}}, [(HALF, None, "stigg")]),
    "ended in Stripe": ({"charges": [], "held": stripe_subscription("canceled", ended_at=epoch(HALF)), "covered_until": {}},
                        [(HALF, None, "stripe")]),
    "closed already": ({"charges": [], "stigg": ENDED, "revisions": {CALLS: [terms_revision(), terms_revision(HALF, None)]}}, []),
    "gone, and cannot be counted": ({"charges": [], "stigg": ENDED, "problems": [PROBLEM]}, []),
    "gone, for no known reason": ({"charges": [], "held": None}, []),
}  # fmt: skip


@pytest.mark.parametrize(("given", "changes"), REVISED.values(), ids=REVISED)
def test_charges_are_opened_revised_and_closed(
    given: dict[str, Any], changes: list[tuple[datetime, Terms | None, str]]
) -> None:
    assert revisions(**given) == changes


def test_a_change_names_its_charge_and_whose_it_is() -> None:
    (change,) = decide_revisions(state(**living(measured=OTHER_CUSTOMER)), now=NOW)
    assert (change.timeline, change.measured) == (CALLS, OTHER_CUSTOMER)
    (closed,) = decide_revisions(state(charges=[], stigg=ENDED), now=NOW)
    assert (closed.timeline, closed.measured) == (CALLS, MEASURED)


def test_nothing_changes_twice() -> None:
    assert revisions(**living(terms=DEARER), revisions={CALLS: [terms_revision(), terms_revision(END, DEARER)]}) == []


TILES: dict[str, tuple[dict[str, Any], dict[str, set[datetime]], list[tuple[datetime, datetime]]]] = {
    "everything is stored": ({}, {}, []),
    "the renewal of the mirror": ({"covered_until": {}}, {}, [(START, END)]),
    "the renewal of an invoice": ({"charges": [], "covered_until": {}}, {"sub_1": {END}}, [(START, END)]),
    "another's renewal": ({"charges": [], "covered_until": {}}, {"sub_2": {END}}, []),
    "both, the same": ({"covered_until": {}}, {"sub_1": {END}}, [(START, END)]),
    "an earlier renewal": ({"covered_until": {}}, {"sub_1": {HALF}}, [(START, HALF), (HALF, END)]),
    "in the future": ({}, {"sub_1": {NEXT}}, []),
    "new terms": ({"covered_until": {}, "revisions": {CALLS: [terms_revision(), terms_revision(HALF, DEARER)]}}, {}, [(START, HALF), (HALF, END)]),
    "the same terms": ({"covered_until": {}, "revisions": {CALLS: [terms_revision(), terms_revision(HALF)]}}, {}, [(START, END)]),
    "closed": ({"charges": [], "covered_until": {}, "revisions": {CALLS: [terms_revision(), terms_revision(HALF, None)]}}, {"sub_1": {END}}, [(START, HALF)]),
    "closed, a part stored": ({"charges": [], "covered_until": {CALLS: START + DAY}, "revisions": {CALLS: [terms_revision(), terms_revision(HALF, None)]}}, {}, [(START + DAY, HALF)]),
    "opened again": ({"covered_until": {}, "revisions": {CALLS: [terms_revision(), terms_revision(HALF, None), terms_revision(HALF + DAY)]}}, {}, [(START, HALF), (HALF + DAY, END)]),
}  # fmt: skip


@pytest.mark.parametrize(("given", "renewals", "tiles"), TILES.values(), ids=TILES)
def test_windows_end_at_renewals_and_where_terms_change(
    given: dict[str, Any], renewals: dict[str, set[datetime]], tiles: list[tuple[datetime, datetime]]
) -> None:
    decided = decide_windows(state(**given), renewals, now=NOW)
    assert [(w.start, w.end) for _, w in decided] == tiles
    assert all(timeline == CALLS for timeline, _ in decided)


def stored(*windows: Any, invoices: Any = (), **more: Any) -> StoredUsage:
    return StoredUsage(windows=list(windows), invoices=list(invoices), **more)


def read(stored: StoredUsage, now: datetime = NOW, **more: Any) -> bool:
    given = state(now=now, **more)
    found = subscriptions_to_read(given, stored, now=now, soon=SOON, signer=SIGNER)
    assert found <= {"sub_1"}
    return bool(found)


PAUSED = stripe_subscription(pause_collection={"behavior": "void"})
STATUS_PAUSED = stripe_subscription("paused")
DRAFT, FINAL = invoice(), invoice(status="open")
NOT_FINALIZED = invoice(finalizes_at=None, last_finalization_error={"code": "customer_tax_location_invalid"})

READ: dict[str, tuple[dict[str, Any], StoredUsage, datetime, bool]] = {
    "nothing is due": ({}, stored(), NOW, False),
    "a renewal in the mirror, not stored": ({"covered_until": {CALLS: HALF}}, stored(), NOW, True),
    "never stored": ({"covered_until": {}}, stored(), NOW, True),
    "the mirror's period is over": ({}, stored(), NEXT + HOUR, True),
    "at its end": ({}, stored(), NEXT, True),
    "a second before its end": ({}, stored(), NEXT - SECOND, False),
    "over, and stored": ({"covered_until": {CALLS: NEXT}}, stored(), NEXT + HOUR, False),
    "collection is paused": ({"held": PAUSED, "covered_until": {}}, stored(), NOW, False),
    "the status is paused": ({"held": STATUS_PAUSED, "covered_until": {}}, stored(), NOW, False),
    "closed, its last window not stored": ({"charges": [], "covered_until": {CALLS: START + DAY}, "revisions": {CALLS: [terms_revision(), terms_revision(HALF, None)]}}, stored(), NOW, True),
    "closed, and stored": ({"charges": [], "revisions": {CALLS: [terms_revision(), terms_revision(HALF, None)]}}, stored(), NOW, False),
    "closed in the future": ({"charges": [], "revisions": {CALLS: [terms_revision(), terms_revision(NEXT, None)]}}, stored(), NOW, False),
    "an invoice is read again": ({}, stored(to_read_again=[FINAL]), NOW, True),
    "a draft is held": ({}, stored(waiting_drafts=[DRAFT]), NOW, True),
    "not countable, renewed just now": ({"charges": [], "problems": [PROBLEM]}, stored(), NOW, True),
    "not countable, 73 hours after": ({"charges": [], "problems": [PROBLEM]}, stored(), END + 73 * HOUR, False),
    "not countable, its period is over": ({"charges": [], "problems": [PROBLEM]}, stored(), NEXT, True),
    "never read, no draft, not renewed": ({}, stored(window(S.REPORTED, end=NEXT)), NOW, False),
    "never read, renewed": ({}, stored(window(S.REPORTED)), NOW, True),
    "pending, on a draft": ({}, stored(window(end=NOW), invoices=[invoice(bound=NOW)]), NOW, True),
    "pending, on a final invoice": ({}, stored(window(), invoices=[FINAL]), NOW, True),
    "submitted, renewed": ({}, stored(window(S.SUBMITTED)), NOW, True),
    "proven, an hour before": ({}, stored(window(S.VERIFIED), invoices=[DRAFT]), NOW, False),
    "proven, 20 minutes before": ({}, stored(window(S.VERIFIED), invoices=[invoice(finalizes_at=NOW + SOON)]), NOW, True),
    "proven, a second more before": ({}, stored(window(S.VERIFIED), invoices=[invoice(finalizes_at=NOW + SOON + SECOND)]), NOW, False),
    "proven, not finalized": ({}, stored(window(S.VERIFIED), invoices=[NOT_FINALIZED]), NOW, True),
    "proven, stopped": ({}, stored(window(S.VERIFIED), invoices=[invoice(finalizes_at=None)]), NOW, False),
    "proven, no invoice": ({}, stored(window(S.VERIFIED)), NOW, False),
    "pending, over for good": ({"stigg": ENDED, "charges": [], "revisions": {CALLS: [terms_revision(), terms_revision(HALF, None)]}},
                               stored(window(end=HALF)), END + 73 * HOUR, True),
    "pending, left the plan and renewed": ({"charges": [], "revisions": {CALLS: [terms_revision(), terms_revision(HALF, None)]}}, stored(window(end=HALF)), NOW, True),
    "pending, left the plan, its renewal to come": ({"charges": [], "revisions": {CALLS: [terms_revision(), terms_revision(NEXT, None)]}}, stored(window(end=NEXT)), NOW, False),
    "pending, left the plan, its period over": ({"charges": [], "revisions": {CALLS: [terms_revision(), terms_revision(NEXT, None)]}}, stored(window(end=NEXT)), NEXT, True),
}  # fmt: skip


@pytest.mark.parametrize(("given", "usage", "now", "is_read"), READ.values(), ids=READ)
def test_a_subscription_is_read(given: dict[str, Any], usage: StoredUsage, now: datetime, is_read: bool) -> None:
    assert read(usage, now, **given) is is_read


@pytest.mark.parametrize(
    ("hours", "says"),
    [
        (0, ""),
        (23, ""),
        (24, ""),
        (25, "The mirrors are 25 hours old; see why reconcile does not run."),
        (49.4, "The mirrors are 49 "),
    ],
)
def test_mirrors_are_stale_after_a_day(hours: float, says: str) -> None:
    found = decide_staleness(timedelta(hours=hours))
    assert found.startswith(says) and bool(found) == bool(says)


def test_the_subscriptions_with_an_open_charge() -> None:
    closed = {
        ("sub_2", "calls"): [terms_revision(), terms_revision(END, None)],
        ("sub_2", "rows"): [terms_revision(terms=None)],
    }
    assert open_subscriptions({CALLS: [terms_revision()]} | closed) == {"sub_1"}


def test_the_state_has_living_ending_and_blocked_subscriptions() -> None:
    known = state(stigg=ENDED, problems=[PROBLEM])
    assert set(known.living) == {CALLS}
    assert (known.ending_ids, known.living_ids, known.blocked) == ({"sub_1"}, {"sub_1"}, {"sub_1"})
    assert {id: end.moment for id, end in known.ends.items()} == {"sub_1": epoch(HALF)}
    assert D(known.living[CALLS].terms.amount(D(3))) == 30

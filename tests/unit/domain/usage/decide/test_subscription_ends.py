"""Drafts that sell a period after the end, as tables. The calls' subscription renews at the months' beginnings."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from stripe_sync.core.clock import epoch
from stripe_sync.domain.actual.stigg_end import End
from stripe_sync.domain.model.seen import Seen
from stripe_sync.domain.usage import drafts, surplus
from stripe_sync.domain.usage.bills import Invoice
from stripe_sync.domain.usage.decide.subscription_ends import (
    decide_ends,
    ending_subscriptions,
    ends_in_stigg,
    is_own_draft,
    is_unowed,
    living_subscriptions,
    renewed_after,
    unfinished_ends,
)
from stripe_sync.domain.usage.holds.draft_hold import DraftHold
from stripe_sync.domain.usage.ledger import UsageState
from tests.unit.domain.usage.values import (
    DAY,
    END,
    HOUR,
    NEXT,
    NOW,
    SIGNER,
    START,
    body,
    inputs,
    invoice,
    stigg_subscription,
    stripe_subscription,
    window,
)

S = UsageState
SECOND = timedelta(seconds=1)
OWN = {"stiggSyncKey": SIGNER.marker(drafts.final_key("t", "sub_1", END))}
OWN_SURPLUS = {"stiggSyncKey": SIGNER.marker(surplus.surplus_key("t", "sub_1", END))}
ENDED = {"sub_1": End(epoch(END - DAY))}


@pytest.mark.parametrize(
    ("end", "bound", "unowed"),
    [
        (END - DAY, END, True),
        (END - SECOND, END, True),
        (END, END, True),
        (END + timedelta(seconds=60), END, True),
        (END + timedelta(seconds=61), END, False),
        (NEXT, END, False),
        (END - DAY, NEXT, True),
        (END - DAY, START, False),
    ],
    ids=[
        "before",
        "a-second-before",
        "at-it",
        "a-minute-after",
        "later",
        "a-month-after",
        "the-next",
        "the-one-before",
    ],
)
def test_a_renewal_at_its_end_was_never_sold(end: datetime, bound: datetime, unowed: bool) -> None:
    assert is_unowed(invoice(bound=bound), {"sub_1": End(epoch(end))}) is unowed


def test_what_did_not_end_and_what_is_no_renewal_is_owed() -> None:
    assert not is_unowed(invoice(), {})
    assert not is_unowed(invoice(subscription="sub_2"), ENDED)
    assert not is_unowed(invoice(billing_reason="manual"), ENDED)


@pytest.mark.parametrize(
    ("metadata", "status", "is_own"),
    [(OWN, "draft", True), (OWN_SURPLUS, "draft", True), (OWN, "open", False), ({}, "draft", False),
     ({"stiggSyncKey": "finalinvoice:t:sub_1:1 forged"}, "draft", False)],
    ids=["final", "surplus", "final-no-draft", "renewal", "forged"],
)  # fmt: skip
def test_an_own_draft_is_signed(metadata: dict[str, str], status: str, is_own: bool) -> None:
    assert is_own_draft(invoice(status=status, metadata=metadata), SIGNER) is is_own


CANCELED = {"effectiveEndDate": "2026-11-15T00:00:00Z"}
SIDES: dict[str, tuple[Any, Any, bool, bool, bool]] = {  # (Stripe, Stigg, is ending, has an end, is_living)
    "active": (stripe_subscription(), stigg_subscription(), False, False, True),
    "canceled in Stigg": (stripe_subscription(), stigg_subscription("CANCELED", **CANCELED), True, True, True),
    "expired in Stigg": (stripe_subscription(), stigg_subscription("EXPIRED", **CANCELED), True, True, True),
    "free in Stigg": (stripe_subscription(), stigg_subscription(pricingType="FREE"), True, True, True),
    "custom in Stigg": (stripe_subscription(), stigg_subscription(pricingType="CUSTOM"), False, False, True),
    "canceled in Stripe": (stripe_subscription("canceled"), stigg_subscription(), True, False, False),
    "canceled in both": (stripe_subscription("canceled"), stigg_subscription("CANCELED", **CANCELED), True, True, False),
    "never paid": (stripe_subscription("incomplete_expired"), stigg_subscription(), True, False, False),
    "unpaid": (stripe_subscription("unpaid"), stigg_subscription(), False, False, True),
    "unknown to Stigg": (stripe_subscription(), None, False, False, True),
}  # fmt: skip


@pytest.mark.parametrize(("held", "stigg", "is_ending", "has_end", "is_living"), SIDES.values(), ids=SIDES)
def test_which_subscriptions_end(held: Any, stigg: Any, is_ending: bool, has_end: bool, is_living: bool) -> None:
    sides = inputs(held, stigg)
    ending = ending_subscriptions(sides)
    assert ending == ({"sub_1"} if is_ending else set())
    assert set(ends_in_stigg(sides, ending)) == ({"sub_1"} if has_end else set())
    assert living_subscriptions(sides) == ({"sub_1"} if is_living else set())


def test_an_end_is_stiggs_date_else_where_it_was_seen() -> None:
    dated = inputs(stripe_subscription(), stigg_subscription("CANCELED", **CANCELED))
    assert ends_in_stigg(dated, ["sub_1"]) == {"sub_1": End(epoch(datetime.fromisoformat("2026-11-15T00:00:00Z")))}
    seen = {"s-1": Seen(epoch(END - DAY), epoch(END - HOUR))}
    free = inputs(stripe_subscription(), stigg_subscription(pricingType="FREE"), seen=seen)
    assert ends_in_stigg(free, ["sub_1"]) == {"sub_1": End(epoch(END - HOUR))}
    assert ends_in_stigg(free, []) == {}


@pytest.mark.parametrize(
    ("end", "now", "status", "is_expected"),
    [
        (END - DAY, NOW, "active", True),
        (END - DAY, END, "active", True),
        (END - DAY, END - SECOND, "active", False),
        (END - DAY, END + 73 * HOUR, "active", False),
        (END - DAY, END + 73 * HOUR - SECOND, "active", True),
        (END - DAY, NEXT, "active", True),
        (END + HOUR, NOW, "active", False),
        (END + HOUR, NEXT + HOUR, "active", True),
        (END - DAY, NOW, "canceled", False),
    ],
    ids=[
        "renewed",
        "at-it",
        "before-it",
        "73-hours-later",
        "a-second-less",
        "renewed-again",
        "ended-after",
        "the-next",
        "canceled",
    ],
)
def test_a_renewal_after_the_end_may_be_a_draft_for_73_hours(
    end: datetime, now: datetime, status: str, is_expected: bool
) -> None:
    sides = inputs(stripe_subscription(status), now=now)
    assert renewed_after(sides, {"sub_1": End(epoch(end))}, now=now) == ({"sub_1"} if is_expected else set())


SWITCHED_OFF = invoice("in_f", metadata=OWN, auto_advance=False)


@pytest.mark.parametrize(
    ("state", "on", "ended_drafts", "seen", "is_unfinished"),
    [
        (S.VERIFIED, "in_1", [invoice()], [], True),
        (S.SUBMITTED, "in_1", [invoice()], [], True),
        (S.PENDING, "in_1", [invoice()], [], False),
        (S.VERIFIED, "in_2", [invoice()], [], False),
        (S.VERIFIED, "in_f", [], [SWITCHED_OFF], True),
        (S.SUBMITTED, "in_f", [], [SWITCHED_OFF], True),
        (S.VERIFIED, "in_f", [], [invoice("in_f", metadata=OWN)], False),
        (S.VERIFIED, "in_1", [], [invoice(auto_advance=False)], False),
        (S.VERIFIED, "in_1", [invoice(billing_reason="manual")], [], False),
    ],
    ids=[
        "proven",
        "sent",
        "pending",
        "elsewhere",
        "own-draft",
        "sent-on-own",
        "switched-on",
        "a-persons-stop",
        "no-renewal",
    ],
)
def test_windows_on_a_draft_after_the_end_and_on_an_own_draft_are_unfinished(
    state: UsageState, on: str, ended_drafts: list[Invoice], seen: list[Invoice], is_unfinished: bool
) -> None:
    found = unfinished_ends(
        [window(state, invoice=on)], ENDED, drafts_of_ended=ended_drafts, invoices=seen, signer=SIGNER
    )
    assert found == ({"sub_1"} if is_unfinished else set())


def decide(**more: Any) -> Any:
    fields: dict[str, Any] = {"unowed_drafts": [], "invoices_of_ended": [], "windows": [], "holds": {}}
    ends = more.pop("ends", ENDED)
    return decide_ends(ends, more.pop("living", {"sub_1"}), **fields | more)


@pytest.mark.parametrize("status", ["draft", "open", "paid"])
@pytest.mark.parametrize("state", list(S))
def test_windows_come_back_from_a_draft_that_is_not_owed_and_stay_on_what_is_final(
    status: str, state: UsageState
) -> None:
    found = decide(invoices_of_ended=[invoice(status=status)], windows=[window(state, invoice="in_1")])
    is_back = status == "draft" and state in (S.SUBMITTED, S.VERIFIED)
    assert found.unowed == ("in_1",)
    assert [(d.window, d.target) for d in found.drains] == ([(7, S.PENDING)] if is_back else [])


def test_windows_of_other_invoices_stay() -> None:
    assert decide(invoices_of_ended=[invoice()], windows=[window(S.VERIFIED, invoice="in_2")]).drains == ()


@pytest.mark.parametrize(
    ("ends", "living", "owed"),
    [({}, {"sub_1"}, ("in_1",)), (ENDED, {"sub_1"}, ()), ({}, set(), ()), (ENDED, set(), ())],
    ids=["goes-on", "still-ends", "canceled", "ended-and-canceled"],
)
def test_a_draft_is_owed_again_where_its_subscription_goes_on(
    ends: Any, living: set[str], owed: tuple[str, ...]
) -> None:
    assert decide(ends=ends, living=living, unowed_drafts=[invoice(unowed=True)]).owed == owed


HOLD = DraftHold(
    "in_1", held=True, original=END + HOUR, until=END + DAY, reason="It sells.", causes=frozenset({"unowed"})
)


@pytest.mark.parametrize(
    ("living", "auto_advance", "holds", "is_over"),
    [(set(), False, {"in_1": HOLD}, True), ({"sub_1"}, False, {"in_1": HOLD}, False), (set(), True, {"in_1": HOLD}, False),
     (set(), False, {}, False)],
    ids=["stopped-by-its-cancellation", "is_living", "advances", "not-held"],
)  # fmt: skip
def test_the_hold_of_a_draft_is_over_once_its_cancellation_stopped_it(
    living: set[str], auto_advance: bool, holds: dict[str, DraftHold], is_over: bool
) -> None:
    seen = Invoice("in_1", "sub_1", "draft", END, END, None, is_stale=False,
                   body=body("in_1", status="draft", auto_advance=auto_advance))  # fmt: skip
    found = decide(living=living, unowed_drafts=[seen], holds=holds).holds
    assert [(hold.held, hold.causes) for hold in found] == ([(False, HOLD.causes)] if is_over else [])

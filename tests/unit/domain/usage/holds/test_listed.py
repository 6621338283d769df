"""Listed invoices that nothing moves on: when lists are read, whose invoices are watched, and invoices that are explained elsewhere."""

from __future__ import annotations

from datetime import timedelta
from itertools import product
from typing import Any

import pytest

from stripe_sync.core.ownership import FIELD
from stripe_sync.domain.model.kinds import Cause
from stripe_sync.domain.model.stripe_invoices import StripeInvoice
from stripe_sync.domain.usage import drafts
from stripe_sync.domain.usage.holds.draft_hold import DraftHold
from stripe_sync.domain.usage.holds.listed import Explained, is_list_due, is_watched, owner_of, stuck_rows
from stripe_sync.domain.usage.holds.unshown_use import UnshownUse
from tests.support.invoices import shown_invoice
from tests.unit.domain.usage.values import END, NOW, SIGNER
from tests.unit.domain.usage.values import body as answer

FINAL = SIGNER.marker(drafts.final_key("t", "sub_1", END))
PENDING = SIGNER.marker("pendinginvoice:t:s-1:sub_1")
NONE = {"parent": None}


def body(id: str, *lines: dict[str, Any], status: str, **more: Any) -> StripeInvoice:
    """Return Stripe's answer as the type that is read."""
    return shown_invoice(answer(id, *lines, status=status, **more))


@pytest.mark.parametrize(
    ("minutes", "is_any_linked", "is_usage_due", "is_any_stuck"),
    list(product((None, 0, 19, 20, 60), (False, True), (False, True), (False, True))),
)
def test_lists_are_read_every_twenty_minutes_when_due_and_until_nothing_is_stuck(
    minutes: int | None, is_any_linked: bool, is_usage_due: bool, is_any_stuck: bool
) -> None:
    last = NOW - timedelta(minutes=minutes) if minutes is not None else None
    is_due = is_list_due(
        last, now=NOW, is_any_linked=is_any_linked, is_usage_due=is_usage_due, is_any_stuck=is_any_stuck
    )
    is_old = minutes is None or minutes >= 20
    assert is_due is (is_any_linked and (is_old or is_usage_due or is_any_stuck))


WATCHED: dict[str, tuple[dict[str, Any], set[str], str | None, bool]] = {  # (fields, linked, owner, is watched)
    "of a linked subscription": ({}, {"sub_1"}, "sub_1", True),
    "of another subscription": ({}, {"sub_2"}, "sub_1", False),
    "of no subscription": (NONE, {"sub_1"}, None, False),
    "an own final invoice": (NONE | {"metadata": {FIELD: FINAL}}, set(), "sub_1", True),
    "forged": (NONE | {"metadata": {FIELD: FINAL + "0"}}, {"sub_1"}, None, False),
    "its subscription is signed": ({"parent": {"subscription_details": {
        "subscription": "sub_1", "metadata": {FIELD: SIGNER.marker("subscription:t:s-1")}}}}, set(), "sub_1", True),
    "expanded": ({"parent": {"subscription_details": {"subscription": {"id": "sub_1"}}}}, {"sub_1"}, "sub_1", True),
}  # fmt: skip


@pytest.mark.parametrize(("fields", "linked", "owner", "watched"), WATCHED.values(), ids=WATCHED)
def test_invoices_of_linked_subscriptions_and_our_own_are_watched(
    fields: dict[str, Any], linked: set[str], owner: str | None, watched: bool
) -> None:
    shown = body("in_1", status="draft", **fields)
    assert owner_of(shown, SIGNER) == owner
    assert is_watched(shown, linked, signer=SIGNER) is watched


def hold(*causes: Cause, **more: Any) -> DraftHold:
    fields = {"held": True, "original": None, "until": None, "reason": "", "is_stop": True, "causes": frozenset(causes)}
    return DraftHold(**{"invoice": "in_1"} | fields | more)


NOTHING = Explained(holds={}, after_end="", sold={})
OFF = {"auto_advance": False, "created": int((END - timedelta(days=3)).timestamp())}
EXPLAINED: dict[str, tuple[Explained, bool]] = {
    "nowhere": (NOTHING, True),
    "listed already": (Explained(holds={}, after_end="", sold={}, rows={"in_1"}), False),
    "another is listed": (Explained(holds={}, after_end="", sold={}, rows={"in_2"}), True),
    "waits for its usage": (Explained(holds={"in_1": hold("usage")}, after_end="", sold={}), False),
    "waits for usage and tax": (Explained(holds={"in_1": hold("usage", "tax")}, after_end="", sold={}), False),
    "waits for tax": (Explained(holds={"in_1": hold("tax")}, after_end="", sold={}), True),
    "moved for its usage": (Explained(holds={"in_1": hold("usage", is_stop=False)}, after_end="", sold={}), True),
    "stopped by a person": (Explained(holds={"in_1": hold("usage", person="ana")}, after_end="", sold={}), True),
    "let go": (Explained(holds={"in_1": hold("usage", held=False)}, after_end="", sold={}), True),
    "sold after the end": (Explained(holds={}, after_end="Renewal in_1 of 20.00 USD.", sold={}), False),
    "a row is open": (Explained(holds={}, after_end="", sold={"in_1": True}), False),
    "a row is closed": (Explained(holds={}, after_end="", sold={"in_1": False}), True),
}


@pytest.mark.parametrize(("explained", "is_row"), EXPLAINED.values(), ids=EXPLAINED)
def test_a_stuck_invoice_is_listed_once(explained: Explained, is_row: bool) -> None:
    rows = list(stuck_rows([body("in_1", status="draft", **OFF)], explained, signer=SIGNER, now=NOW))
    assert [(row.invoice, row.subscription, row.amount, row.currency) for row in rows] == (
        [("in_1", "sub_1", 2000, "usd")] if is_row else []
    )


NONE_SHOWN = OFF | {"amount_remaining": 0, "total": 0}
USE: dict[str, tuple[UnshownUse | None, tuple[int, str] | None]] = {
    "has no use": (None, None),
    "all of it is known": (UnshownUse(333, is_known=True), (333, "its auto_advance is off")),
    "a part is known": (UnshownUse(333, is_known=False), (333, "its auto_advance is off, and whose use is not known")),
    "nothing is known": (UnshownUse(0, is_known=False), (0, "its auto_advance is off, and whose use is not known")),
}


@pytest.mark.parametrize(("use", "row"), USE.values(), ids=USE)
def test_a_draft_of_nothing_has_the_amount_of_its_use(use: UnshownUse | None, row: tuple[int, str] | None) -> None:
    explained = Explained(holds={}, after_end="", sold={}, use={"in_1": use} if use else {})
    rows = list(stuck_rows([body("in_1", status="draft", **NONE_SHOWN)], explained, signer=SIGNER, now=NOW))
    assert [(r.amount, r.why) for r in rows] == ([(row[0], f"nothing finalizes, {row[1]}")] if row else [])


def test_what_sold_time_after_the_end_has_its_own_way_out() -> None:
    explained = Explained(holds={}, after_end="", sold={"in_1": False})
    (row,) = stuck_rows([body("in_1", status="draft", **OFF)], explained, signer=SIGNER, now=NOW)
    assert "never switch it on" in row.sentence()


@pytest.mark.parametrize(("hours", "is_row"), [(0.5, False), (1.5, True)])
def test_an_own_draft_is_filled_within_the_hour(hours: float, is_row: bool) -> None:
    created = int((NOW - timedelta(hours=hours)).timestamp())
    shown = body("in_1", status="draft", metadata={FIELD: FINAL}, auto_advance=False, created=created)
    assert bool(list(stuck_rows([shown], NOTHING, signer=SIGNER, now=NOW))) is is_row


def test_an_invoice_of_no_subscription_and_one_that_moves_are_no_rows() -> None:
    advances = body("in_1", status="draft", automatically_finalizes_at=1)
    assert (
        list(stuck_rows([advances, body("in_2", status="draft", **OFF, **NONE)], NOTHING, signer=SIGNER, now=NOW)) == []
    )

"""Lines of drafts and their proof, as tables. 120 calls at 10 cents are 12.00 USD."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal as D
from itertools import product
from typing import Any

import pytest
from msgspec import structs

from stripe_sync.domain.usage.bills import Invoice
from stripe_sync.domain.usage.decide import lines as decide
from stripe_sync.domain.usage.decide.lines import DraftReconciliation, WriteResult
from stripe_sync.domain.usage.decide.meters import MeteredWindow, MeterObject, decide_event
from stripe_sync.domain.usage.ledger import UsageState
from stripe_sync.domain.usage.line_proof import lines_for
from stripe_sync.domain.usage.windows import Window
from tests.unit.domain.usage.values import (
    END,
    METER,
    OWNER,
    START,
    TERMS,
    full,
    invoice,
    metered_line,
    own_line,
    window,
)

S = UsageState
ENTITY = ("subscription", "s-1")
METERED = structs.replace(TERMS, meter=METER)
THERE = MeterObject(event_name="calls", customer_key="customer", value_key="value", formula="sum", status="active")
(LINE,) = lines_for(OWNER, invoice(), [window()])
SHOWN = own_line(LINE)


def reconciled(usage: Window, *shown: dict[str, Any], **more: Any) -> DraftReconciliation:
    return decide.reconcile(invoice("in_1", *shown, **more), [usage], owner=OWNER, entity=ENTITY)


WRITES: dict[str, tuple[Window, list[dict[str, Any]], list[tuple[str, D]]]] = {
    "missing": (window(), [], [("usageline.put", D(1200))]),
    "there": (window(), [SHOWN], []),
    "there, proven": (window(S.VERIFIED), [SHOWN], []),
    "removed by a person": (window(S.VERIFIED), [], [("usageline.put", D(1200))]),
    "rounded by a cent": (window(), [own_line(LINE, amount=1201)], []),
    "of another quantity": (window(), [own_line(LINE, quantity_decimal="100", amount=1000)], [("usageline.change", D(200))]),
    "of another price": (window(), [own_line(LINE, pricing={"unit_amount_decimal": "9"}, amount=1080)], [("usageline.change", D(120))]),
    "there twice": (window(), [SHOWN, SHOWN], [("usageline.remove", D(-1200))]),
    "not marked": (window(), [own_line(LINE, metadata={})], [("usageline.put", D(1200))]),
    "waived": (window(S.WAIVED), [SHOWN], [("usageline.remove", D(-1200))]),
    "waived, no line": (window(S.WAIVED), [], []),
    "not read": (window(S.REPORTED), [], []),
    "nothing used": (window(quantity="0"), [], [("usageline.put", D(0))]),
    "by a meter": (window(terms=METERED), [metered_line("120", 1200)], []),
    "by a meter that does not bill it": (window(terms=METERED), [], [("usageline.put", D(1200))]),
}  # fmt: skip


@pytest.mark.parametrize(("usage", "shown", "writes"), WRITES.values(), ids=WRITES)
def test_a_draft_is_made_to_bill_its_windows(
    usage: Window, shown: list[dict[str, Any]], writes: list[tuple[str, D]]
) -> None:
    draft = reconciled(usage, *shown)
    assert [(action.kind, action.due_now["usd"]) for action in draft.actions] == writes
    assert all(action.entity == ENTITY and action.cause == "in_1" for action in draft.actions)


def test_lines_of_other_windows_stay() -> None:
    other = own_line(lines_for(OWNER, invoice(), [window(charge="rows")])[0])
    assert reconciled(window(), SHOWN, other).actions == []


@pytest.mark.parametrize(
    ("usage", "shown", "amount"),
    [(window(), [], 1200), (window(S.WAIVED), [], 0), (window(terms=METERED), [metered_line("120", 1200)], 1200)],
    ids=["lines", "waived", "meter"],
)
def test_the_amount_of_a_draft_is_of_lines_and_meters(usage: Window, shown: list[dict[str, Any]], amount: int) -> None:
    assert reconciled(usage, *shown).with_metered([MeteredWindow(usage)]).amount == amount


READ_AGAIN: dict[str, tuple[DraftReconciliation, bool]] = {
    "a write": (reconciled(window()), True),
    "no write": (reconciled(window(), SHOWN), False),
    "a meter": (reconciled(window(terms=METERED), metered_line("120", 1200)), True),
    "a meter that is proven": (reconciled(window(S.VERIFIED, terms=METERED), metered_line("120", 1200)), False),
}  # fmt: skip


@pytest.mark.parametrize(("draft", "is_read"), READ_AGAIN.values(), ids=READ_AGAIN)
def test_a_draft_is_read_by_its_id_before_a_write(draft: DraftReconciliation, is_read: bool) -> None:
    assert draft.is_read_again() is is_read


@pytest.mark.parametrize("status", ["draft", "open", "deleted"])
def test_what_was_read_again_is_compared_again_while_it_is_a_draft(status: str) -> None:
    before = replace(reconciled(window()), waits="It is full.")
    after = decide.as_read(before, invoice("in_1", SHOWN, status=status), owner=OWNER)
    assert after.is_draft() is (status == "draft")
    assert len(after.actions) == (0 if status == "draft" else 1)
    assert (after.waits, after.entity, after.windows) == ("It is full.", ENTITY, before.windows)


def test_windows_are_grouped_by_the_drafts_that_bill_them() -> None:
    windows = [
        window(),
        window(id=8, charge="rows"),
        window(id=9, subscription="sub_2"),
        window(id=10, subscription="sub_3"),
    ]
    seen = [invoice(), invoice("in_2", subscription="sub_2", status="open")]
    assert {id: [w.id for w in its] for id, its in decide.windows_by_draft(windows, seen).items()} == {"in_1": [7, 8]}


@pytest.mark.parametrize(
    ("state", "shown", "is_back"),
    [(S.VERIFIED, [], True), (S.VERIFIED, [SHOWN], False), (S.VERIFIED, [SHOWN, SHOWN], False), (S.PENDING, [], False),
     (S.SUBMITTED, [], False), (S.VERIFIED, [own_line(LINE, quantity_decimal="1", amount=10)], True)],
    ids=["removed", "there", "twice", "pending", "submitted", "changed"],
)  # fmt: skip
def test_what_is_not_on_its_draft_any_more_is_not_proven(
    state: UsageState, shown: list[dict[str, Any]], is_back: bool
) -> None:
    drains = decide.decide_unproven([reconciled(window(state), *shown)])
    expected = [(7, (S.VERIFIED,), S.PENDING, "in_1")] if is_back else []
    assert [(d.window, d.sources, d.target, d.invoice) for d in drains] == expected


def written(result: str, *, is_verified: bool = True, is_event: bool = False, action: str = "a") -> WriteResult:
    return WriteResult(
        action=action, cause="in_1", result=result, is_event=is_event, is_verified=is_verified, detail="no"
    )


RESULTS = ("done", "refused", "dropped", "blocked", "waiting", "paused", "unknown")


@pytest.mark.parametrize(("result", "state"), list(product(RESULTS, (S.PENDING, S.SUBMITTED, S.VERIFIED))))
def test_a_line_proves_its_window_when_it_is_done_and_submits_it_without_an_answer(
    result: str, state: UsageState
) -> None:
    proof = decide.decide_proof(reconciled(window(state)), [written(result)])
    target = {"done": S.VERIFIED, "unknown": S.SUBMITTED}.get(result)
    assert [drain.target for drain in proof.drains] == ([target] if target is not None else [])
    assert proof.proven == (result == "done")


@pytest.mark.parametrize(
    ("results", "target"),
    [
        ([], S.VERIFIED),
        ([written("done"), written("done")], S.VERIFIED),
        ([written("done"), written("done", is_verified=False)], None),
        ([written("done"), written("refused")], None),
        ([written("done"), written("unknown")], S.SUBMITTED),
        ([written("refused"), written("unknown")], S.SUBMITTED),
        ([written("done", is_verified=False), written("unknown")], S.SUBMITTED),
        ([written("waiting", is_event=True)], S.VERIFIED),
    ],
    ids=[
        "nothing-to-write",
        "all",
        "unverified",
        "one-refused",
        "one-unknown",
        "refused-and-unknown",
        "unverified-and-unknown",
        "an-event-of-another",
    ],
)
def test_every_line_of_a_draft_proves_its_windows(results: list[WriteResult], target: UsageState | None) -> None:
    proof = decide.decide_proof(reconciled(window()), results)
    assert [drain.target for drain in proof.drains] == ([target] if target is not None else [])


def test_what_is_proven_already_is_not_moved_and_not_counted_again() -> None:
    assert decide.decide_proof(reconciled(window(S.VERIFIED), SHOWN), []).drains == ()


@pytest.mark.parametrize("state", [s for s in S if s not in (S.PENDING, S.SUBMITTED, S.VERIFIED)])
def test_no_other_state_is_moved_by_a_proof(state: UsageState) -> None:
    assert decide.decide_proof(reconciled(window(state)), [written("done")]).drains == ()


BY_METER = window(terms=METERED, balances={S.PENDING: full("120")})
EVENT = decide_event(BY_METER, invoice(), meter=METER, there=THERE, environment="t", number=1)
METERS: dict[str, tuple[list[MeteredWindow], list[str], UsageState | None]] = {
    "counted": ([MeteredWindow(BY_METER)], [], S.VERIFIED),
    "not looked at": ([], [], None),
    "a problem": ([MeteredWindow(BY_METER, problem="It does not sum.")], [], None),
    "sent": ([EVENT], ["done"], S.SUBMITTED),
    "refused": ([EVENT], ["refused"], None),
    "unknown": ([EVENT], ["unknown"], None),
    "waits": ([EVENT], ["waiting"], None),
}


@pytest.mark.parametrize(("metered", "results", "target"), METERS.values(), ids=METERS)
def test_a_meter_proves_its_window_by_what_it_has_counted(
    metered: list[MeteredWindow], results: list[str], target: UsageState | None
) -> None:
    draft = reconciled(BY_METER, metered_line("0", 0)).with_metered(metered)
    writes = [written(r, is_event=True, action=a.hash) for r, a in zip(results, draft.actions, strict=True)]
    assert [drain.target for drain in decide.decide_proof(draft, writes).drains] == ([target] if target else [])


def test_what_could_not_be_written_or_proven_is_a_sentence() -> None:
    draft = replace(reconciled(window()), waits="It is full.").with_metered(
        [MeteredWindow(window(), problem="It waits.")]
    )
    assert decide.refusals([draft], [written("refused"), written("done")]) == [
        "in_1: no",
        "in_1: It waits.",
        "in_1: It is full.",
    ]


def test_a_window_of_a_draft_keeps_its_time() -> None:
    assert (LINE.start, LINE.end) == (int(START.timestamp()), int(END.timestamp()))
    seen: Invoice = invoice()
    assert seen.bound == END

"""Month ends of subscriptions that end: what is owed is collected, what was never sold is not (BILLING 7, F2).

Each story under BOTH runs under both answers of SB's contradictions C1 to C3, and in ``make soak`` also with one of them
changed at a time. The amounts are calculated by hand next to them.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from sandbox.builder import WorldBuilder
from sandbox.world.state import Fault, iso
from stripe_sync.apply.cancellation import finish
from stripe_sync.core.errors import FatalError
from stripe_sync.domain.plan.actions import ActionKind
from stripe_sync.warehouse.comparisons import statuses
from tests.support.cases import ARE_ALL, chosen_cases, crossed
from tests.support.harness import Harness
from tests.support.kills import killed_at, killed_in
from tests.support.metering import DAY, HOUR, MINUTE, cycle, ledger, lines, period_end, subscription, until, use
from tests.support.switches import ends

Build = Callable[[WorldBuilder], Harness]
SWITCHES = ("cancel_removes_prorations", "negative_last_to_balance", "cancel_stops_customer", "cancel_stops_drafts")
SINGLE = [(name,) for name in SWITCHES] if ARE_ALL else []
BOTH = pytest.mark.parametrize("other", [(), SWITCHES, *SINGLE], ids=lambda other: "+".join(other) or "defaults")


def answered(harness: Harness, other: tuple[str, ...]) -> Harness:
    """Answer some unknowns the other way."""
    for name in other:
        harness.world.unknowns[name] = not harness.world.unknowns[name]
    return harness


def end_in_stigg(harness: Harness, moment: int, id: str = "s-1") -> None:
    """End a subscription in Stigg at a moment."""
    harness.stigg("subscriptions", subscriptionId=id).update(
        {"status": "CANCELED", "cancelReason": "Immediate", "cancellationDate": iso(moment),
         "effectiveEndDate": iso(moment)}
    )  # fmt: skip


def with_card(harness: Harness, last4: str = "4242") -> None:
    """Give the customer a card, after which its subscription is made."""
    harness.stigg("subscriptions", subscriptionId="s-1")["paymentCollectionMethod"] = "CHARGE"
    harness.reconcile()
    (customer,) = harness.objects("customers")
    card = {
        "id": "pm_card", "object": "payment_method", "created": harness.world.now, "customer": customer["id"],
        "type": "card", "card": {"brand": "visa", "last4": last4}, "livemode": False, "metadata": {},
        "billing_details": {"address": None, "email": None, "name": None, "phone": None, "tax_id": None},
    }  # fmt: skip
    harness.world.put("payment_methods", card)
    customer["invoice_settings"]["default_payment_method"] = "pm_card"


def used_to_the_end(harness: Harness, value: float = 1234) -> int:
    """Use something an hour before the period ends; move to three minutes before that, and return its end."""
    end = paid_to_the_end(harness)
    use(harness, value, end - HOUR)
    return end


def paid_to_the_end(harness: Harness) -> int:
    """Pay the first period by a card and use nothing; move to three minutes before its end, and return that."""
    with_card(harness)
    harness.reconcile()
    harness.reconcile()
    harness.usage()
    end = period_end(harness)
    until(harness, end - 3 * MINUTE)
    harness.reconcile()
    return end


def finals(harness: Harness) -> list[dict[str, Any]]:
    """The invoices of our own."""
    return [i for i in harness.objects("invoices") if i["billing_reason"] == "manual"]


@BOTH
def test_ended_before_the_renewal_and_seen_inside_the_draft_hour(
    harness_of: Build, metered: WorldBuilder, other: tuple[str, ...]
) -> None:
    harness = answered(harness_of(metered), other)
    end = used_to_the_end(harness)
    end_in_stigg(harness, end - MINUTE)
    until(harness, end + 10 * MINUTE)
    harness.reconcile()
    assert subscription(harness)["status"] == "canceled", "at once: the renewal sells a period that Stigg never sold"
    draft = cycle(harness)
    harness.usage()
    (final,) = finals(harness)
    assert lines(final) == [("1234", 333)]  # 1234 x 0.27 cents = 333.18
    until(harness, end + 3 * HOUR)
    harness.usage()
    harness.reconcile()
    assert (draft["status"], draft["auto_advance"], draft["total"]) == ("draft", False, 2000)
    assert (final["status"], final["amount_paid"]) == ("paid", 333)
    assert ledger(harness) == {"billed": ("1234", 333)}
    assert harness.status("s-1") == ("PENDING", "RENEWED_AFTER_END")


@BOTH
def test_ended_after_the_renewal_both_are_billed(
    harness_of: Build, metered: WorldBuilder, other: tuple[str, ...]
) -> None:
    harness = answered(harness_of(metered), other)
    end = used_to_the_end(harness)
    until(harness, end + 2 * MINUTE)
    end_in_stigg(harness, end + 2 * MINUTE)
    use(harness, 10_000, end + MINUTE)
    until(harness, end + 10 * MINUTE)
    harness.usage()
    harness.reconcile()
    assert subscription(harness)["status"] == "active", "its renewal is owed, and a cancellation would stop it"
    draft = cycle(harness)
    until(harness, end + HOUR + 10 * MINUTE)
    harness.usage()
    harness.reconcile()
    assert subscription(harness)["status"] == "canceled"
    until(harness, end + 4 * HOUR)
    harness.usage()
    assert (draft["status"], draft["amount_paid"]) == ("paid", 2000 + 333)
    (final,) = finals(harness)
    # 10,000 x 0.27 cents between the renewal and the end.
    assert (final["status"], final["amount_paid"], lines(final)) == ("paid", 2700, [("10000", 2700)])
    assert ledger(harness) == {"billed": ("11234", 3033)}
    assert harness.status("s-1") == ("NO_SYNC_REQUIRED", "ENDED")


@BOTH
def test_an_invoice_that_a_person_stopped_stays_stopped(
    harness_of: Build, metered: WorldBuilder, other: tuple[str, ...]
) -> None:
    harness = answered(harness_of(metered), other)
    end = used_to_the_end(harness)
    until(harness, end + 2 * MINUTE)
    harness.stripe().v1.invoices.update(cycle(harness)["id"], {"auto_advance": False})
    end_in_stigg(harness, end + 2 * MINUTE)
    until(harness, end + 10 * MINUTE)
    found = harness.usage(alerts=True)
    assert cycle(harness)["id"] in found["pages"][0], "somebody is told that nothing finalizes it"
    harness.reconcile()
    assert subscription(harness)["status"] == "canceled", "the cancellation changes nothing about that invoice"
    until(harness, end + 2 * DAY)
    harness.reconcile()
    draft = cycle(harness)
    assert (draft["status"], draft["auto_advance"]) == ("draft", False)


ENDED = {"a minute before": -MINUTE, "on the second": 0, "a minute after": MINUTE}
LATE = {"minutes": 5 * MINUTE, "hours": 2 * HOUR, "a day": DAY, "a month": 33 * DAY}


@pytest.mark.parametrize(("ended", "first_run"), chosen_cases(crossed(list(ENDED), list(LATE)), 4))
def test_a_run_that_comes_late_ends_it_and_never_collects_again(
    harness_of: Build, metered: WorldBuilder, ended: str, first_run: str
) -> None:
    """An end beside the renewal, or on its very second, and the first run after it: what Stripe collected meanwhile stays a row."""
    beside, late = ENDED[ended], LATE[first_run]
    harness = harness_of(metered)
    end = used_to_the_end(harness)
    end_in_stigg(harness, end + beside)
    until(harness, end + late)
    harness.reconcile()
    assert subscription(harness)["status"] == "canceled"
    assert harness.status("s-1") == ("PENDING", "RENEWED_AFTER_END")
    renewals = 2 if late > 31 * DAY else 1
    (found,) = statuses.find(harness.engine, "test", "s-1")
    assert found.detail.count("20.00 USD are not") == renewals
    before = sum(i["amount_paid"] for i in harness.objects("invoices"))
    until(harness, end + late + 40 * DAY)
    assert sum(i["amount_paid"] for i in harness.objects("invoices")) == before


@pytest.mark.parametrize("late", [2 * HOUR, DAY, 33 * DAY], ids=["hours", "a day", "a month"])
def test_an_end_more_than_a_minute_after_the_renewal_owes_that_period_alone(
    harness_of: Build, metered: WorldBuilder, late: int
) -> None:
    """61 seconds after it: 20.00 and 3.33 are collected; of a second renewal, a month later, nothing is owed."""
    harness = harness_of(metered)
    end = used_to_the_end(harness)
    until(harness, end + MINUTE + 1)
    harness.usage()
    end_in_stigg(harness, end + MINUTE + 1)
    until(harness, end + late)
    harness.reconcile()
    harness.usage()
    harness.reconcile()
    assert subscription(harness)["status"] == "canceled"
    first = min((i for i in harness.objects("invoices") if i["billing_reason"] == "subscription_cycle"),
                key=lambda i: i["created"])  # fmt: skip
    assert (first["status"], first["amount_paid"]) == ("paid", 2333)
    (found,) = statuses.find(harness.engine, "test", "s-1")
    assert first["id"] not in found.detail or "lie after the end" in found.detail
    assert found.detail.count("20.00 USD are not") == (1 if late > 31 * DAY else 0)


@pytest.mark.parametrize("when", ["before the cancel", "after the cancel", "before one is given back"])
def test_a_kill_between_the_cancel_and_giving_back_is_finished_by_the_next_run(
    harness_of: Build, metered: WorldBuilder, when: str
) -> None:
    """C3: the open invoice of the customer's other subscription is stopped by the cancellation of this one."""
    metered.feature("seats", "Seats")
    metered.subscription("s-2", "c-1", "pro", method="INVOICE", resource={"resourceId": "r-2"})
    harness = harness_of(metered)
    harness.reconcile()
    harness.reconcile()
    harness.later(2 * HOUR)
    harness.usage()
    other = subscription(harness, "s-2")["latest_invoice"]
    open_one = harness.world.stripe["invoices"][other]
    assert (open_one["status"], open_one["auto_advance"]) == ("open", True)
    end_in_stigg(harness, harness.world.now)
    harness.later(10 * MINUTE)
    harness.reconcile("seen")
    harness.usage()
    deaths = {
        "before the cancel": killed_in(ActionKind.SUBSCRIPTION_CANCEL, "send"),
        "after the cancel": killed_in(ActionKind.SUBSCRIPTION_CANCEL, "finish"),
        "before one is given back": killed_at(finish, "give_back"),
    }
    with deaths[when]:
        harness.reconcile("killed")
    harness.later(10 * MINUTE)
    harness.reconcile("after")
    assert subscription(harness)["status"] == "canceled"
    assert open_one["auto_advance"], "it was collected before, and is owed"


def test_a_renewal_after_the_end_is_a_row_with_both_sums_until_it_is_credited(
    harness_of: Build, metered: WorldBuilder
) -> None:
    """The invoice was final and paid before the end was seen: a person credits it."""
    harness = harness_of(metered)
    end = used_to_the_end(harness)
    until(harness, end + 10 * MINUTE)
    harness.usage()
    end_in_stigg(harness, end - MINUTE)
    until(harness, end + 2 * HOUR)
    harness.reconcile()
    harness.reconcile()
    renewal = cycle(harness)
    assert (renewal["status"], renewal["amount_paid"]) == ("paid", 2333)
    assert harness.status("s-1") == ("PENDING", "RENEWED_AFTER_END")
    (found,) = statuses.find(harness.engine, "test", "s-1")
    assert "3.33 USD are owed before the end, 20.00 USD are not" in found.detail
    assert "Credit 20.00 USD of it by a credit note" in found.detail
    kept = [line for line in renewal["lines"]["data"] if line["amount"] == 2000]
    parts = [{"type": "invoice_line_item", "invoice_line_item": line["id"], "amount": line["amount"]} for line in
             renewal["lines"]["data"] if line["amount"]]  # fmt: skip
    assert kept
    harness.stripe().v1.credit_notes.create({"invoice": renewal["id"], "lines": parts, "credit_amount": 2333})
    harness.later(HOUR)
    harness.reconcile()
    assert harness.status("s-1") == ("NO_SYNC_REQUIRED", "ENDED")
    harness.world.requests.clear()
    harness.reconcile()
    assert harness.status("s-1") == ("NO_SYNC_REQUIRED", "ENDED")
    assert not [r for r in harness.world.requests if r.path == f"/v1/invoices/{renewal['id']}"], "it is settled"


def test_a_renewal_after_the_end_that_cannot_be_read_ends_no_run(harness_of: Build, metered: WorldBuilder) -> None:
    """Its row stays and names the invoice; the next run reads it."""
    harness = harness_of(metered)
    end = used_to_the_end(harness)
    until(harness, end + 10 * MINUTE)
    harness.usage()
    end_in_stigg(harness, end - MINUTE)
    until(harness, end + 2 * HOUR)
    harness.reconcile()
    renewal, harness.attempts = cycle(harness), 1
    harness.world.faults.append(Fault("GET", f"/v1/invoices/{renewal['id']}", status=500, times=100))
    harness.reconcile()
    assert harness.status("s-1") == ("PENDING", "RENEWED_AFTER_END")
    (found,) = statuses.find(harness.engine, "test", "s-1")
    assert f"({renewal['id']}) could not be read" in found.detail
    harness.world.faults.clear()
    harness.reconcile()
    (found,) = statuses.find(harness.engine, "test", "s-1")
    assert "20.00 USD are not" in found.detail


@ends(
    "canceled_draft_advances",
    yes=(True, "NO_SYNC_REQUIRED", "ENDED"),
    no=(False, "PENDING", "NEEDS_A_PERSON"),
)
def test_where_the_next_renewal_would_come_first_the_draft_is_given_back_or_a_person_is_told(
    harness_of: Build, metered: WorldBuilder, end: tuple[bool, str, str]
) -> None:
    """SB 2.2 (canceled_draft_advances): a person has put the renewal's draft off for longer than a month."""
    harness = harness_of(metered)
    renewal = used_to_the_end(harness)
    until(harness, renewal + 10 * MINUTE)
    harness.usage()
    draft, moment = cycle(harness), renewal + 40 * DAY
    harness.stripe().v1.invoices.update(draft["id"], {"auto_advance": True, "automatically_finalizes_at": moment})
    end_in_stigg(harness, renewal + 20 * MINUTE)
    until(harness, renewal + DAY)
    harness.reconcile()
    assert subscription(harness)["status"] == "active", "its draft is owed"
    until(harness, period_end(harness) - HOUR)
    harness.reconcile()
    assert subscription(harness)["status"] == "canceled"
    assert (draft["auto_advance"], *harness.status("s-1")) == end
    assert draft["automatically_finalizes_at"] == (moment if draft["auto_advance"] else None)


@ends("cancel_stops_customer", yes=2, no=1)
def test_what_a_cancellation_stopped_is_switched_on_again_where_it_stopped_anything(
    harness_of: Build, metered: WorldBuilder, end: int
) -> None:
    """C3 (cancel_stops_customer): the open invoice of the customer's other subscription."""
    metered.subscription("s-2", "c-1", "pro", method="INVOICE", resource={"resourceId": "r-2"})
    harness = harness_of(metered)
    harness.reconcile()
    harness.reconcile()
    harness.later(2 * HOUR)
    harness.usage()
    end_in_stigg(harness, harness.world.now)
    harness.later(10 * MINUTE)
    harness.reconcile("seen")
    harness.usage()
    harness.world.requests.clear()
    harness.reconcile()
    assert subscription(harness)["status"] == "canceled"
    its = [i for i in harness.objects("invoices") if i["status"] == "open"]
    assert len(its) == 2 and all(i["auto_advance"] for i in its)
    switched_on = [r for r in harness.world.requests if r.method == "POST" and r.path.startswith("/v1/invoices/in_")]
    assert len(switched_on) == end, "that of the canceled one is stopped in any case"


def test_a_renewal_that_is_owed_is_finalized_before_its_subscription_is_canceled(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    """F2, SB 2.2: canceled inside the draft hour, the closed sale would never be billed; no usage waits here."""
    harness = harness_of(small_world)
    harness.reconcile()
    end = period_end(harness)
    until(harness, end + 5 * MINUTE)
    end_in_stigg(harness, end + 2 * MINUTE)
    harness.reconcile()
    found, draft = subscription(harness), cycle(harness)
    assert (found["status"], draft["status"], draft["auto_advance"]) == ("active", "draft", True)
    until(harness, end + HOUR + 10 * MINUTE)
    harness.reconcile()
    # One flat fee of 20 and two seats at 5.
    assert (found["status"], draft["status"], draft["amount_due"]) == ("canceled", "open", 3000)
    assert draft["auto_advance"], "stopped by the cancellation, and switched on again"


def test_a_renewal_of_more_than_ten_lines_after_the_end_is_not_collected(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    """SB 10.3: the pending items come first, so the period that the renewal sells is not among the ten lines shown."""
    harness = harness_of(small_world)
    harness.reconcile()
    end = period_end(harness)
    until(harness, end - HOUR)
    item: Any = {
        "customer": subscription(harness)["customer"],
        "currency": "usd",
        "amount": 100,
        "description": "theirs",
    }
    for _ in range(12):
        harness.stripe().v1.invoice_items.create(item)
    end_in_stigg(harness, end - MINUTE)
    until(harness, end + 10 * MINUTE)
    harness.reconcile()
    draft = cycle(harness)
    assert subscription(harness)["status"] == "canceled"
    # Twelve items of 1.00, a flat fee of 20 and two seats at 5.
    assert (draft["status"], draft["auto_advance"], draft["total"]) == ("draft", False, 1200 + 3000)
    assert harness.status("s-1") == ("PENDING", "RENEWED_AFTER_END")
    (found,) = statuses.find(harness.engine, "test", "s-1")
    assert "30.00 USD are not" in found.detail or "42.00 USD are not" in found.detail


def test_a_draft_that_we_stopped_for_its_use_is_no_settled_one(harness_of: Build, metered: WorldBuilder) -> None:
    """E is 20 minutes after R, and the use before R is not counted while Stigg cannot be asked: 20.00 and 1234 x 0.27 cents = 3.33.

    Stripe moves no time, so the draft is stopped by us; a cancellation would leave it stopped, so it waits until it is paid.
    """
    harness = harness_of(metered)
    harness.world.unknowns["finalization_moves"] = False
    harness.change(usage={"hold_by_auto_advance": True})
    end = used_to_the_end(harness)
    harness.world.faults.append(Fault("STIGG", "UsageHistory", status=503, times=1000))
    until(harness, end + 40 * MINUTE)
    with suppress(FatalError):
        harness.usage()
    assert (cycle(harness)["status"], cycle(harness)["auto_advance"]) == ("draft", False)
    end_in_stigg(harness, end + 20 * MINUTE)
    harness.reconcile()
    assert subscription(harness)["status"] == "active"
    message = harness.plan().unplanned["subscription:test:s-1"]
    assert f"It is canceled once {cycle(harness)['id']} is finalized" in message
    harness.world.faults.clear()
    harness.later(10 * MINUTE)
    harness.usage()
    until(harness, end + 2 * HOUR)
    assert (cycle(harness)["status"], cycle(harness)["amount_paid"]) == ("paid", 2000 + 333)
    harness.reconcile()
    assert subscription(harness)["status"] == "canceled"

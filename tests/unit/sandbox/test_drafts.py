"""Finalization of drafts in the sandbox (SB 1, 6, 12.8, 21.3; FACTS_B 9-14, 20-23)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.sandbox_client import DAY, HOUR, SandboxClient, sandbox_client
from tests.unit.sandbox.test_payment import paused, state, yearly

SENT = {"collection_method": "send_invoice", "days_until_due": 7}


def renewed(stripe: SandboxClient, subscription: str, *, after: int = 0) -> dict[str, Any]:
    """Let a subscription renew; return the draft so many seconds after it."""
    item = stripe.world.stripe["subscriptions"][subscription]["items"]["data"][0]
    stripe.later(item["current_period_end"] + after - stripe.world.now)
    return stripe.get(f"/v1/invoices/{stripe.get(f'/v1/subscriptions/{subscription}')['latest_invoice']}")


def test_the_first_invoice_is_final_inside_its_call() -> None:
    """SB 1.5, 1.6, FACTS_B 68: charged at once whatever the account's grace is; sent, it is a draft for an hour."""
    with sandbox_client(billing={"grace_hours": 72}) as stripe:
        subscription = yearly(stripe, stripe.customer())
        assert state(stripe, subscription) == "paid 1, active"
        other = yearly(stripe, stripe.customer(), **SENT)
        draft = renewed_latest(stripe, other)
        assert (draft["status"], draft["auto_advance"]) == ("draft", True)
        assert draft["automatically_finalizes_at"] == draft["created"] + 3601
        assert draft["due_date"] == draft["created"] + 7 * DAY
        assert draft["next_payment_attempt"] is None


def renewed_latest(stripe: SandboxClient, subscription: str) -> dict[str, Any]:
    """Return the latest invoice of a subscription."""
    return stripe.get(f"/v1/invoices/{stripe.get(f'/v1/subscriptions/{subscription}')['latest_invoice']}")


def test_a_renewal_waits_an_hour_and_a_second() -> None:
    """SB 1.2: payment at ``created`` + 3600, finalization one second later."""
    with sandbox_client() as stripe:
        subscription = yearly(stripe, stripe.customer())
        draft = renewed(stripe, subscription)
        assert draft["automatically_finalizes_at"] == draft["created"] + 3601
        assert draft["next_payment_attempt"] == draft["created"] + 3600
        stripe.later(3600)
        assert state(stripe, subscription) == "draft 0, active"
        stripe.later(1)
        assert state(stripe, subscription) == "paid 1, active"


@pytest.mark.parametrize(
    ("rules", "hours"),
    [([], 72), ([{"when": "licensed", "hours": 5}], 5), ([{"when": "metered", "hours": 5}], 72),
     ([{"when": "cycle", "hours": 2}, {"when": "licensed", "hours": 5}], 2)],
)  # fmt: skip
def test_the_accounts_grace_and_its_rules(rules: list[dict[str, Any]], hours: int) -> None:
    """SB 1.5: up to 72 hours; the first rule that fits wins."""
    with sandbox_client(billing={"grace_hours": 72, "grace_rules": rules}) as stripe:
        draft = renewed(stripe, yearly(stripe, stripe.customer()))
        assert draft["automatically_finalizes_at"] - draft["created"] == hours * HOUR + 1


def test_a_failing_webhook_does_not_hold_what_is_sent() -> None:
    """SB 1.4: finalization is delayed of what is collected automatically."""
    with sandbox_client(billing={"webhook_failing": True}) as stripe:
        sent = yearly(stripe, stripe.customer(), **SENT)
        stripe.later(HOUR + 1)
        assert state(stripe, sent) == "open 0, active"
        assert renewed(stripe, sent, after=2 * HOUR)["status"] == "open"


def test_a_failing_webhook_holds_drafts_but_not_those_with_a_time_of_their_own() -> None:
    """SB 1.4: up to 72 hours, and then it goes ahead."""
    with sandbox_client(billing={"webhook_failing": True}) as stripe:
        held, rescheduled = (yearly(stripe, stripe.customer()) for _ in range(2))
        draft = renewed(stripe, rescheduled)
        moment = draft["created"] + 2 * HOUR
        stripe.post(f"/v1/invoices/{draft['id']}", auto_advance=True, automatically_finalizes_at=moment)
        stripe.later(3 * HOUR)
        assert (state(stripe, rescheduled), state(stripe, held)) == ("paid 1, active", "draft 0, active")
        stripe.later(3 * DAY)
        assert state(stripe, held) == "paid 1, active"


@pytest.mark.parametrize(("drafts", "there"), [(True, "draft 0, unpaid"), (False, "open 0, unpaid")])
def test_renewals_of_an_unpaid_subscription_are_never_collected(drafts: bool, there: str) -> None:
    """SB 12.8 and C12: they stay drafts, or are finalized and left open; paying the old one does not help."""
    unknowns = {"unpaid_renewals_stay_drafts": drafts}
    with sandbox_client(billing={"after_retries": "unpaid"}, unknowns=unknowns) as stripe:
        customer = stripe.customer()
        subscription = yearly(stripe, customer)
        stripe.give(customer, "0341")
        old = renewed(stripe, subscription)["id"]
        stripe.later(30 * DAY)
        assert state(stripe, subscription) == "open 9, unpaid"
        renewed(stripe, subscription)
        stripe.later(30 * DAY)
        assert state(stripe, subscription) == there
        stripe.give(customer, "4242")
        assert stripe.post(f"/v1/invoices/{old}/pay")["status"] == "paid"
        assert state(stripe, subscription) == there, "the latest invoice is not paid (SB 12.9)"
        stripe.post(f"/v1/invoices/{renewed_latest(stripe, subscription)['id']}/pay")
        assert state(stripe, subscription) == "paid 1, active"


def test_a_paused_subscription_makes_no_invoice() -> None:
    """The status ``paused``, beside ``pause_collection``."""
    with sandbox_client() as stripe:
        subscription = yearly(stripe, stripe.customer())
        first = renewed_latest(stripe, subscription)["id"]
        stripe.world.stripe["subscriptions"][subscription]["status"] = "paused"
        assert renewed(stripe, subscription)["id"] == first


def test_a_pause_that_is_over_leaves_its_drafts_as_they_are() -> None:
    """``resumes_at``: later renewals are collected again."""
    with sandbox_client() as stripe:
        subscription = yearly(stripe, stripe.customer())
        paused("keep_as_draft")(stripe, "", subscription)
        draft = renewed(stripe, subscription)["id"]
        pause = {"behavior": "keep_as_draft", "resumes_at": stripe.world.now + DAY}
        stripe.post(f"/v1/subscriptions/{subscription}", pause_collection=pause)
        stripe.later(2 * DAY)
        assert stripe.get(f"/v1/subscriptions/{subscription}")["pause_collection"] is None
        assert stripe.get(f"/v1/invoices/{draft}")["status"] == "draft"
        renewed(stripe, subscription, after=2 * HOUR)
        assert state(stripe, subscription) == "paid 1, active"


def test_a_draft_of_a_subscription_is_never_deleted() -> None:
    """SB 2.9: neither a renewal's nor one that was made by hand for the subscription; a one-off draft is."""
    with sandbox_client() as stripe:
        customer = stripe.customer()
        subscription = yearly(stripe, customer)
        by_hand = stripe.invoice(customer, subscription=subscription)
        for draft in (renewed(stripe, subscription), by_hand):
            assert stripe.refused("DELETE", f"/v1/invoices/{draft['id']}")[0] == 400
            assert stripe.get(f"/v1/invoices/{draft['id']}")["status"] == "draft"
        one_off = stripe.invoice(customer)
        assert stripe.send("DELETE", f"/v1/invoices/{one_off['id']}")[1]["deleted"]


def test_what_is_pending_beyond_250_waits_for_the_next_invoice() -> None:
    """SB 3.2."""
    with sandbox_client() as stripe:
        customer = stripe.customer()
        subscription = yearly(stripe, customer)
        for _ in range(252):
            stripe.post("/v1/invoiceitems", customer=customer, subscription=subscription, amount=1, currency="usd")
        draft = renewed(stripe, subscription)
        assert (draft["lines"]["total_count"], draft["total"]) == (251, 1250)
        status, error = stripe.refused(
            "POST", "/v1/invoiceitems", customer=customer, invoice=draft["id"], amount=1, currency="usd"
        )
        assert (status, error["param"]) == (400, "invoice")
        assert renewed(stripe, subscription)["total"] == 1002


def test_a_subscriptions_draft_cannot_be_deleted() -> None:
    """SB 2.9: switch it off, finalize it, void it."""
    with sandbox_client() as stripe:
        draft = renewed(stripe, yearly(stripe, stripe.customer()))["id"]
        assert stripe.refused("DELETE", f"/v1/invoices/{draft}")[0] == 400
        stripe.post(f"/v1/invoices/{draft}", auto_advance=False)
        assert stripe.post(f"/v1/invoices/{draft}/finalize", auto_advance=False)["status"] == "open"
        assert stripe.post(f"/v1/invoices/{draft}/void")["status"] == "void"


def test_finalization_may_fail() -> None:
    """The draft stays and says why; nothing is collected."""
    with sandbox_client(billing={"finalization_fails": {"nobody": "x"}}) as stripe:
        customer = stripe.customer()
        subscription = yearly(stripe, customer)
        stripe.world.billing["finalization_fails"] = {customer: "customer_tax_location_invalid"}
        renewed(stripe, subscription, after=DAY)
        draft = renewed_latest(stripe, subscription)
        assert (draft["status"], draft["automatically_finalizes_at"], draft["number"]) == ("draft", None, None)
        assert draft["last_finalization_error"]["code"] == "customer_tax_location_invalid"
        status, error = stripe.refused("POST", f"/v1/invoices/{draft['id']}/finalize")
        assert (status, error["code"]) == (400, "customer_tax_location_invalid")


def test_the_balance_is_taken_left_and_given_back() -> None:
    """FACTS_A 20-23, FACTS_B 63-67, SB 12.6, 12.7, 21.8: 0.04 is a debt, the next invoice takes it, ``total`` stays."""
    with sandbox_client() as stripe:
        customer = stripe.customer()
        small = stripe.post(f"/v1/invoices/{stripe.invoice(customer, 4)['id']}/pay")
        assert (small["status"], small["total"], small["amount_due"], small["amount_paid"]) == ("paid", 4, 0, 0)
        assert (small["attempted"], small["attempt_count"], small["ending_balance"]) == (True, 0, 4)
        taking = stripe.post(f"/v1/invoices/{stripe.invoice(customer, 1000)['id']}/pay")
        assert (taking["starting_balance"], taking["amount_due"], taking["amount_paid"]) == (4, 1004, 1004)
        assert (taking["total"], taking["ending_balance"], len(taking["lines"]["data"])) == (1000, 0, 1)
        credit = stripe.post(f"/v1/invoices/{stripe.invoice(customer, -334)['id']}/finalize")
        assert (credit["status"], credit["total"], credit["amount_due"], credit["ending_balance"]) == (
            "paid",
            -334,
            0,
            -334,
        )
        rows = stripe.get(f"/v1/customers/{customer}/balance_transactions")["data"]
        assert [(r["type"], r["amount"], r["ending_balance"]) for r in rows] == [
            ("applied_to_invoice", -334, -334), ("applied_to_invoice", -4, 0), ("applied_to_invoice", 4, 4),
        ]  # fmt: skip
        opened = stripe.post(f"/v1/invoices/{stripe.invoice(customer, 1000)['id']}/finalize")
        assert (opened["amount_due"], stripe.get(f"/v1/customers/{customer}")["balance"]) == (666, 0)
        stripe.post(f"/v1/invoices/{opened['id']}/void")
        assert stripe.get(f"/v1/customers/{customer}")["balance"] == -334


def test_a_credit_note_lowers_an_open_invoice_and_says_where_the_money_of_a_paid_one_goes() -> None:
    """Documented: before the payment ``amount_remaining`` falls; after it the parts must add up to the note's amount."""
    with sandbox_client() as stripe:
        customer = stripe.customer()
        opened = stripe.post(f"/v1/invoices/{stripe.invoice(customer, 1000)['id']}/finalize")
        lines = [{"type": "invoice_line_item", "invoice_line_item": opened["lines"]["data"][0]["id"], "amount": 400}]
        note = stripe.post("/v1/credit_notes", invoice=opened["id"], lines=lines)
        assert (note["pre_payment_amount"], note["type"]) == (400, "pre_payment")
        paid = stripe.post(f"/v1/invoices/{opened['id']}/pay")
        assert (paid["amount_due"], paid["amount_paid"], paid["total"]) == (600, 600, 1000)
        status, error = stripe.refused("POST", "/v1/credit_notes", invoice=opened["id"], lines=lines)
        assert status == 400 and "must equal" in error["message"]
        stripe.post("/v1/credit_notes", invoice=opened["id"], lines=lines, credit_amount=100, refund_amount=300)
        assert stripe.get(f"/v1/customers/{customer}")["balance"] == -100
        assert [r["amount"] for r in stripe.get("/v1/refunds")["data"]] == [300]

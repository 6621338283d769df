"""Questions to Stripe about cancellations (SB's contradictions C1 to C3); time passes on a test clock."""

from __future__ import annotations

from stripe_sync.clients.stripe.raw_requests import Refused
from stripe_sync.domain.model.stripe_status import InvoiceStatus
from stripe_sync.jobs.setup.probing.answers import No, Open, ProbeResult, Yes
from stripe_sync.jobs.setup.probing.questions import Asking, question
from stripe_sync.jobs.setup.probing.stripe import readings
from stripe_sync.jobs.setup.probing.stripe.renewals import renewed
from stripe_sync.jobs.setup.probing.test_account import DAY, HOUR, MINUTE, START, Account, Obj


def cancel(account: Account, subscription: Obj, *, invoice_now: bool = False, prorate: bool = False) -> None:
    path = f"/v1/subscriptions/{subscription['id']}"
    account.requests.call("delete", path, invoice_now=invoice_now, prorate=prorate)


@question("cancel_removes_prorations")
def cancel_removes_prorations(asking: Asking) -> ProbeResult:
    """Make pending prorations, cancel with neither flag, and read what is pending (C1)."""
    account = asking.account
    clock = account.clock()
    customer = account.customer(clock)
    made = account.subscription(customer, {"price": account.price(), "quantity": 1})
    account.advance(clock, START + 10 * DAY)
    item = {"id": made["items"]["data"][0]["id"], "quantity": 3}
    account.post(f"/v1/subscriptions/{made['id']}", items=[item], proration_behavior="create_prorations")
    before = len(account.pending(customer))
    cancel(account, made)
    after = len(account.pending(customer))
    if not before:
        return Open("The change of quantity left nothing pending.")
    return No(f"{after} of {before} are still pending.") if after else Yes()


@question("negative_last_to_balance")
def negative_last_to_balance(asking: Asking) -> ProbeResult:
    """Cancel with both flags in a paid period, and see where the credit goes (C2)."""
    account = asking.account
    clock = account.clock()
    customer = account.customer(clock)
    made = account.subscription(customer, {"price": account.price(), "quantity": 1})
    account.advance(clock, START + 10 * DAY)
    cancel(account, made, invoice_now=True, prorate=True)
    account.advance(clock, START + 10 * DAY + MINUTE)
    account.await_final(clock, account.invoices(customer)[0]["id"])
    last = account.invoices(customer)[0]
    balance = account.get(f"/v1/customers/{customer}")["balance"]
    if last["total"] >= 0:
        return Open(f"The last invoice is of {last['total']}, not negative.")
    if balance < 0:
        return Yes()
    if last["status"] == InvoiceStatus.DRAFT:
        return Open("The last invoice is still a draft.")
    return No(f"It is {last['status']}, and the balance is {balance}.")


@question("cancel_stops_drafts")
def cancel_stops_drafts(asking: Asking) -> ProbeResult:
    """Cancel within the hour of a renewal's draft, and read the draft (C3)."""
    account = asking.account
    _, made, draft = renewed(account)
    if draft["status"] != InvoiceStatus.DRAFT or not draft["auto_advance"]:
        return Open(
            f"The renewal is {draft['status']}, with auto_advance {draft['auto_advance']}, before the cancellation."
        )
    cancel(account, made)
    after = account.invoice(draft["id"])
    if not after["auto_advance"]:
        return Yes()
    return No(f"It goes on, and is finalized at {after['automatically_finalizes_at']}.")


@question("cancel_stops_customer")
def cancel_stops_customer(asking: Asking) -> ProbeResult:
    """Cancel one of two subscriptions of a customer, and read the open invoice of the other one (C3)."""
    account = asking.account
    clock = account.clock()
    customer = account.customer(clock)
    ended, other = (account.subscription(customer, {"price": account.price(), "quantity": 1}) for _ in range(2))
    account.await_final(clock, other["latest_invoice"])
    its = account.invoice(other["latest_invoice"])
    if its["status"] != InvoiceStatus.OPEN or not its["auto_advance"]:
        return Open(
            f"The invoice is {its['status']}, with auto_advance {its['auto_advance']}, before the cancellation."
        )
    cancel(account, ended)
    return No() if account.invoice(its["id"])["auto_advance"] else Yes()


@question("canceled_draft_advances")
def canceled_draft_advances(asking: Asking) -> ProbeResult:
    """Cancel within the draft's hour, switch the draft on again, and see whether it is finalized."""
    account = asking.account
    clock, made, draft = renewed(account)
    cancel(account, made)
    stopped = account.invoice(draft["id"])
    if stopped["auto_advance"]:
        return Open("The cancellation did not stop the draft.")
    try:
        account.post(f"/v1/invoices/{draft['id']}", auto_advance=True)
    except Refused as refused:
        if refused.is_about(param="auto_advance"):
            return No(str(refused))
        raise
    account.await_final(clock, draft["id"])
    status = account.invoice(draft["id"])["status"]
    return No("It is taken, and the draft is not finalized.") if status == InvoiceStatus.DRAFT else Yes()


@question("end_at_date_stops")
def end_at_date_stops(asking: Asking) -> ProbeResult:
    """Let a subscription end at its ``cancel_at``, and read its open invoice before and after."""
    account = asking.account
    clock = account.clock()
    made = account.subscription(account.customer(clock), {"price": account.price(), "quantity": 1})
    account.await_final(clock, made["latest_invoice"])
    before = account.invoice(made["latest_invoice"])
    end = START + 10 * DAY
    account.post(f"/v1/subscriptions/{made['id']}", cancel_at=end, proration_behavior="none")
    account.advance(clock, end + HOUR)
    status = account.get(f"/v1/subscriptions/{made['id']}")["status"]
    after = account.invoice(before["id"])["auto_advance"]
    return readings.stopped_by_end(status=status, before=before["auto_advance"], after=after)

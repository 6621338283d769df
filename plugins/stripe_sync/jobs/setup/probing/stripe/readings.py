"""The meaning of what an API answered, as pure functions: each question has its own, and what none fits stays open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from stripe_sync.clients.stripe.refusals import RIGHT
from stripe_sync.domain.model.stripe_status import SubscriptionStatus
from stripe_sync.jobs.setup.probing.answers import Found, No, Open, ProbeResult, Yes

DAY = 86_400  # seconds
# 33 % of 0.50, 1.50 and 0.51: 16.5, 49.5 and 16.83 minor units.
PERCENTS: Mapping[tuple[int, ...], str] = {
    (17, 50, 17): "half up a line",
    (16, 50, 17): "half to even a line",
    (16, 49, 17): "half down a line",
    (16, 49, 16): "down a line",
    (17, 50, 16): "of the sum, the remainder on the last line",
}


def rounding_of_percent(taken: Sequence[int]) -> ProbeResult:
    """Return the rule by which a 33 % coupon took these amounts (minor units) off lines of 50, 150 and 51."""
    found = PERCENTS.get(tuple(taken))
    return (
        Found(found, f"{list(taken)}.") if found else Open(f"{list(taken)} were taken off, which no known rule gives.")
    )


def parts_of_tiers(charges: Sequence[int]) -> ProbeResult:
    """Return whether the charges for a part of a period are one line, or one for each of the two tiers that are entered."""
    if len(charges) == 1:
        return Found("one line", f"It is of {charges[0]}.")
    if len(charges) == 2:
        return Found("a line a tier", f"They are of {list(charges)}.")
    return Open(f"The charges are {list(charges)}.")


def stopped_by_end(*, status: str, before: bool, after: bool) -> ProbeResult:
    """Return whether the end of a subscription took ``auto_advance`` from its open invoice."""
    if status != SubscriptionStatus.CANCELED:
        return Open(f"The subscription is {status} after its cancel_at.")
    if not before:
        return Open("The invoice was not collected before the end.")
    return No("It is still collected.") if after else Yes()


def timetable(tries: Sequence[int], status: str) -> ProbeResult:
    """Return the days of the tries after the first failure; ``tries`` are moments in Unix seconds, the first one's first."""
    if len(tries) < 2:
        return Open(f"Nothing was tried again; the subscription is {status}.")
    days = ", ".join(f"{(moment - tries[0]) / DAY:.3g}" for moment in tries[1:])
    return Found(f"{days} days", f"The subscription is {status} afterwards.")


def renewal_of_unpaid(status: str, renewal: str) -> ProbeResult:
    """Return whether the renewal of an unpaid subscription stays a draft (SB 12.8, C12)."""
    if status != SubscriptionStatus.UNPAID:
        return Open(
            f"This account makes a subscription {status} after the last try: choose unpaid in Settings, Billing, "
            "Subscriptions and emails, and probe again."
        )
    if renewal == "draft":
        return Yes()
    return (
        No("It is finalized and left open.") if renewal == "open" else Open(f"The renewal is {renewal or 'not there'}.")
    )


def currency_of_pending(*, account: str, item: str, invoice: str) -> ProbeResult:
    """Return whose currency an invoice has that names none: that of the account, or of the customer's pending item."""
    if account == item:
        return Open(f"The account's own currency is {account}, and so is the item's.")
    if invoice not in (account, item):
        return Open(f"The invoice is in {invoice}; the account's currency is {account} and the item's {item}.")
    return Found("the item's" if invoice == item else "the account's")


def refused_values(refused: Mapping[str, bool]) -> ProbeResult:
    """Return which of some values Stripe refuses; ``refused`` tells it by the value's name."""
    names = [name for name, is_refused in refused.items() if is_refused]
    return Found("all" if len(names) == len(refused) else ", ".join(names) or "none", f"Refused of {list(refused)}.")


def kind_of_conflict(type: str) -> ProbeResult:
    """Return whether the 409 of a key in use is an ``idempotency_error`` (C4)."""
    if type == "idempotency_error":
        return Yes()
    return No() if type == "invalid_request_error" else Open(f"It is of the type {type or 'unknown'}.")


def right_of(status: int, message: str, *, restricted: bool) -> ProbeResult:
    """Return which right a restricted key needs for what it was answered (``status`` 200, or a refusal's)."""
    if not restricted:
        return Open("A secret key may read everything: probe with a restricted key.")
    if status == 200:
        return Found("one that this key has")
    named = RIGHT.search(message)
    return Found(named[1]) if status == 403 and named else Open(f"Stripe answered {status} and names no right.")


def grantable(status: int, message: str, *, restricted: bool) -> ProbeResult:
    """Return whether a restricted key can have the right for the account; one that lacks it tells nothing (C11)."""
    found = right_of(status, message, restricted=restricted)
    if isinstance(found, Found) and status == 200:
        return Yes()
    if isinstance(found, Found):
        return Open(f"This key lacks {found.value}: add it to the key where the Dashboard offers it, and probe again.")
    return found


def native_names(metadata: Sequence[Mapping[str, str]]) -> ProbeResult:
    """Return the names that the native integration writes into metadata: those that begin with ``stigg``."""
    names = sorted({name for row in metadata for name in row if name.startswith("stigg")})
    if not names:
        return Open("No coupon and no price of this account was made by the native integration.")
    return Found(", ".join(names))

"""Questions to Stripe about keys: those of requests, and what a restricted one may be given."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from stripe_sync.clients.stripe.raw_requests import Refused
from stripe_sync.jobs.setup.probing.answers import Open, ProbeResult
from stripe_sync.jobs.setup.probing.questions import Asking, question
from stripe_sync.jobs.setup.probing.stripe import readings
from stripe_sync.jobs.setup.probing.test_account import NAME, Account

TRIES = 5


@question("in_flight_is_idempotency_error")
def in_flight_is_idempotency_error(asking: Asking) -> ProbeResult:
    """Make a coupon twice at one moment under one key, a few times, until Stripe refuses one of them (C4)."""
    for _ in range(TRIES):
        conflict = made_twice(asking.account)
        if conflict is not None:
            return readings.kind_of_conflict(conflict.type)
    return Open(f"In {TRIES} pairs of requests none was refused: both were answered.")


def made_twice(account: Account) -> Refused | None:
    """Send one request twice, side by side; return the refusal of a key in use, None where both were answered."""
    key, both = account.id(), Barrier(2)

    def make() -> Refused | str:
        both.wait()
        given = {"percent_off": 1, "duration": "forever", "name": NAME}
        try:
            sent = account.post("/v1/coupons", **given, idempotency_key=key, max_network_retries=0)
        except Refused as refused:
            return refused
        return str(sent["id"])

    with ThreadPoolExecutor(2) as pool:
        answers = [work.result() for work in [pool.submit(make), pool.submit(make)]]
    account.made += [("coupon", id) for id in {answer for answer in answers if isinstance(answer, str)}]
    refusals = [answer for answer in answers if isinstance(answer, Refused)]
    unrelated = next((refused for refused in refusals if refused.status != 409), None)
    if unrelated is not None:
        raise unrelated
    return refusals[0] if refusals else None


@question("thin_events_right")
def thin_events_right(asking: Asking) -> ProbeResult:
    """Read the events of API v2, and the right that a refusal names."""
    status, message = read(asking.account, "/v2/core/events", limit=1)
    return readings.right_of(status, message, restricted=asking.session.stripe.restricted_key)


@question("restricted_key_rights")
def restricted_key_rights(asking: Asking) -> ProbeResult:
    """Read the account (C11)."""
    status, message = read(asking.account, "/v1/account")
    return readings.grantable(status, message, restricted=asking.session.stripe.restricted_key)


def read(account: Account, path: str, **params: int) -> tuple[int, str]:
    """Return the status of a read with the message of a refusal. Raises Refused for any but a 403."""
    try:
        account.get(path, **params)
    except Refused as refused:
        if refused.status != 403:
            raise
        return 403, refused.message
    return 200, ""


@question("metadata_of_coupons")
def metadata_of_coupons(asking: Asking) -> ProbeResult:
    """Read the metadata of the account's coupons and prices."""
    rows = [row for path in ("/v1/coupons", "/v1/prices") for row in asking.account.requests.rows(path)]
    return readings.native_names([row.get("metadata") or {} for row in rows])

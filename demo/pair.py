"""``make pair KEY_FILE=...``: the sandbox's Stigg with a Stripe test account on a test clock, through month ends.

Stigg has no test clock, so the sandbox stands in for it; its clock is moved together with the account's. Everything that is made
is deleted afterwards, or archived where Stripe deletes nothing.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from sandbox.builder import WorldBuilder, flat, usage
from sandbox.server.run import running
from sandbox.world.state import World, from_document, iso
from stripe_sync.clients.stripe.client import API, StripeApi
from stripe_sync.clients.stripe.raw_requests import RawRequests, Refused
from stripe_sync.clients.stripe.test_clock import PATH as CLOCKS
from stripe_sync.core.clock import SystemClock
from stripe_sync.core.config.connections import Connection
from stripe_sync.core.errors import ConfigurationError, StripeSyncError
from stripe_sync.core.lanes import Lane, Mode
from stripe_sync.core.open_questions import BY_NAME
from stripe_sync.core.ownership import FIELD, Signer
from stripe_sync.core.settings import Environment, Limits, StiggSettings, StripeSettings
from stripe_sync.jobs.reconcile.job import RECONCILE
from stripe_sync.jobs.runtime.context import Session, start_run
from stripe_sync.jobs.runtime.runner import run_job
from stripe_sync.jobs.runtime.step_list import Job
from stripe_sync.jobs.setup.probing.test_account import Account
from stripe_sync.jobs.usage.job import USAGE
from stripe_sync.warehouse import engine, runs
from stripe_sync.warehouse.embedded import server

STATE = Path(__file__).resolve().parent.parent / ".state" / "pair"
NAME, SECRET = "pair", "only-for-the-pair"
MINUTE, HOUR = 60, 3600
CALLS = 1234
LIMITS = Limits(actions=100, day_actions=1000, share=1.0, due_now={"usd": "10000"}, per_month={"usd": "10000"})


def small_world(now: int) -> WorldBuilder:
    """Return Stigg's side: a flat plan with use at 0.0027 a call, half price for one of three customers."""
    world = WorldBuilder(now=now)
    world.product("acme", "Acme")
    world.feature("calls", "API calls", meterType="Incremental")
    world.plan("pro", "Pro", [flat(20), usage("calls", 0.0027)])
    world.coupon("half", percent=50)
    for number, method in ((1, "INVOICE"), (2, "CHARGE"), (3, "CHARGE")):
        world.customer(f"pair-{number}", f"Pair {number}", f"pair-{number}@example.com")
        world.subscription(f"pair-sub-{number}", f"pair-{number}", "pro", method=method, hours_ago=1)
    world.stigg["subscriptions"][0]["coupons"] = [world.applied("half", hours_ago=1)]
    return world


@dataclass
class Pair:
    """Both sides with the warehouse between them; ``account`` sends requests directly, without the pipeline."""

    environment: Environment
    key: str
    base: str
    stigg_url: str
    world: World
    account: Account
    warehouse: str
    count: int = 0

    def connection(self, id: str) -> Connection:
        known = {
            "stripe_default": Connection(id, "stripe", host=self.base, password=self.key),
            "stigg_default": Connection(id, "stigg", host=self.stigg_url, password="server-sandbox"),
        }
        return known.get(id) or Connection(id, "generic", password=SECRET)

    def run(self, job: Job) -> dict[str, dict[str, Any]]:
        """Run a job of the pipeline, and return the results of its steps by name."""
        self.count += 1
        session = Session(self.environment, engine.connect(self.warehouse), self.connection, SystemClock())
        try:
            run = start_run(session, f"pair-{self.count}")
            run_job(session, run, job)
            found = runs.results_of(session.engine, self.environment.name, run.id, job.leading_to(job.last.name))
        finally:
            session.close()
        return {name: result or {} for name, result in found.items()}

    def until(self, moment: int) -> None:
        """Advance both clocks to a time, Unix seconds."""
        httpx.post(f"{self.stigg_url}/_world/clock", json={"now": moment}, timeout=60).raise_for_status()
        self.account.advance(self.environment.stripe.test_clock, moment)

    def use(self, moment: int) -> None:
        """Report calls of every customer in Stigg."""
        for customer in self.world.stigg["customers"]:
            row = {"customerId": customer["customerId"], "featureId": "calls", "resourceId": None, "value": CALLS}
            self.world.stigg["usage"].append(row | {"timestamp": iso(moment)})

    def customers(self) -> list[dict[str, Any]]:
        return list(self.account.requests.rows("/v1/customers", test_clock=self.environment.stripe.test_clock))

    def end(self) -> int:
        """Return when the next period of a subscription ends, Unix seconds."""
        rows = self.account.requests.rows("/v1/subscriptions", test_clock=self.environment.stripe.test_clock)
        return min(int(item["current_period_end"]) for row in rows for item in row["items"]["data"])


def give_cards(pair: Pair) -> None:
    """Give each customer a test card, as they would do themselves."""
    for customer in pair.customers():
        card = pair.account.post("/v1/payment_methods/pm_card_visa/attach", customer=customer["id"])["id"]
        settings = {"default_payment_method": card}
        pair.account.post(f"/v1/customers/{customer['id']}", invoice_settings=settings)


def play_month(pair: Pair) -> dict[str, Any]:
    """Let a month end: use in its last minutes, the usage job within the drafts' hour, and after they are finalized."""
    end = pair.end()
    pair.until(end - 3 * MINUTE)
    pair.run(RECONCILE)
    pair.use(end - 2 * MINUTE)
    pair.until(end + MINUTE)
    pair.run(USAGE)
    pair.until(end + 2 * HOUR)
    counts: dict[str, Any] = pair.run(USAGE)["usage_settle"]["counts"]
    print(f"the month that ends at {iso(end)}: windows {counts}")
    for customer in pair.customers():
        newest = next(pair.account.requests.rows("/v1/invoices", customer=customer["id"]))
        print(
            f"  {customer['name']}: {newest['status']}, {newest['total']} {newest['currency']}, due {newest['amount_due']}"
        )
    return counts


def play(pair: Pair, months: int) -> int:
    """Make everything, then play months; return 0 if a second run is quiet and all use is billed."""
    pair.run(RECONCILE)
    give_cards(pair)
    made = pair.run(RECONCILE)["apply"]["made"]
    quiet = not pair.run(RECONCILE)["plan"]["actions"]
    print(f"made: {made}; a second run {'has nothing to do' if quiet else 'still has something to do'}")
    billed = 0
    for _ in range(months):
        billed = int(play_month(pair).get("billed", 0))
    expected = months * len(pair.world.stigg["customers"])
    print(f"{billed} of {expected} usage windows are billed")
    return 0 if quiet and billed == expected else 1


def account_of(requests: RawRequests) -> str:
    """Return the id of the key's account; for a key without that right, the refusal contains it (SB 8.3)."""
    try:
        return str(requests.call("get", "/v1/account")["id"])
    except Refused as refused:
        named = re.search(r"acct_\w+", refused.message)
        if named is None:
            raise
        return named[0]


def take_away(pair: Pair) -> None:
    """Delete the clock with its customers, and archive what the pipeline made in the account."""
    account = pair.account
    signer = Signer(pair.environment.stripe_account, (SECRET,))
    for kind, path in (("coupon", "/v1/coupons"), ("price", "/v1/prices"), ("product", "/v1/products")):
        rows = account.requests.rows(path)
        own = [row["id"] for row in rows if signer.key_of((row.get("metadata") or {}).get(FIELD))]
        account.made = [*((kind, id) for id in own), *account.made]
    for id in (id for kind, id in account.made if kind == "product"):
        account.post(f"/v1/products/{id}", default_price="")  # a default price cannot be archived
    account.clear()
    print(f"{account.left.deleted} objects deleted; archived: {', '.join(account.left.archived) or 'none'}")
    for one in account.left.remaining:
        print(f"still there: {one}", file=sys.stderr)


def begin(key: str, base: str, months: int, *, state: Path) -> int:
    """Start the pair, play, and take everything away. Raises Refused, StripeSyncError."""
    requests = RawRequests(StripeApi(key, base_url=base))
    account = Account(requests)
    now = int(time.time()) // MINUTE * MINUTE
    clock = account.make("clock", CLOCKS, frozen_time=now, name="stripe_sync pair")["id"]
    environment = Environment(
        name=NAME,
        stripe_account=account_of(requests),
        modes=dict.fromkeys((Lane.CATALOG, Lane.CUSTOMERS, Lane.SUBSCRIPTIONS, Lane.USAGE), Mode.ENFORCE),
        accept_unknown=sorted(BY_NAME),
        stripe=StripeSettings(test_clock=clock),
        stigg=StiggSettings(native_integration="removed"),
        limits=LIMITS,
    )
    world = from_document(small_world(now).document())
    server.forget(state)
    shutil.rmtree(state, ignore_errors=True)
    with server.owned(state) as warehouse, running(world) as (_, stigg):
        pair = Pair(environment, key, base, stigg, world, account, warehouse)
        print(f"Stigg: {stigg}; Stripe: {environment.stripe_account} at {base}, test clock {clock}", flush=True)
        try:
            return play(pair, months)
        finally:
            take_away(pair)
            engine.engine_of(warehouse).dispose()


def main() -> int:
    """Return 0 if everything was billed, 1 if not, 2 for input that cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m demo.pair", description=__doc__)
    parser.add_argument("--key-file", type=Path, required=True, help="a file with a test key of the account")
    parser.add_argument("--base", default=API, help="the account's API; another address is for trying this out")
    parser.add_argument("--months", type=int, default=2)
    parser.add_argument("--state", type=Path, default=STATE, help="the folder of the embedded database")
    arguments = parser.parse_args()
    try:
        key = arguments.key_file.read_text(encoding="utf-8").strip()
        if not key.startswith(("sk_test_", "rk_test_")):
            raise ConfigurationError(
                "The key is not a test key (sk_test_ or rk_test_), and a pair writes: give a test key."
            )
        return begin(key, arguments.base, arguments.months, state=arguments.state)
    except Refused as refused:
        print(f"Stripe refused a request of the pair: {refused.message} {refused}", file=sys.stderr)
        return 2
    except (OSError, UnicodeDecodeError, StripeSyncError) as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())

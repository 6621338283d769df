"""Comparisons and plans at one size: ``python -m bench.deciding CUSTOMERS [REPEATS]`` prints seconds and megabytes as JSON.

Short steps are repeated REPEATS times (5), and their figure is the median.
One customer goes through the whole pipeline on the sandbox; its rows in both mirrors, with their ownership metadata and links, are then
multiplied, so that a big account is there without having been written.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import text

from bench.figures import peak_mb
from bench.quiet import catalog
from stripe_sync.jobs.reconcile.steps.check import check_mirrors
from stripe_sync.jobs.reconcile.steps.compare import compare
from stripe_sync.jobs.reconcile.steps.plan import plan
from stripe_sync.jobs.reconcile.steps.report import report
from stripe_sync.jobs.runtime.context import Run
from stripe_sync.jobs.runtime.run_params import RunParams
from stripe_sync.warehouse import runs
from stripe_sync.warehouse.comparisons import comparisons
from stripe_sync.warehouse.snapshots import staging
from stripe_sync.warehouse.snapshots.snapshots import Snapshot
from stripe_sync.warehouse.snapshots.staging import StagedRow
from tests.support import warehouses
from tests.support.harness import Harness, built

CUSTOMER, SUBSCRIPTION = "customer-zero", "subscription-zero"
CHANGED = 100
REPEATS = 5
NO_SCAN_MINUTES = 10**6  # skips the scan of Stigg, which does not know the copies


def main() -> None:
    customers, repeats = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else REPEATS
    world = catalog()
    world.customer(CUSTOMER, "Zero")
    world.subscription(SUBSCRIPTION, CUSTOMER, "pro", units={"seats": 2})
    warehouses.start()
    with tempfile.TemporaryDirectory() as folder, built(world, Path(folder)) as harness:
        os.environ["STRIPE_SYNC_REPORTS"] = folder
        harness.change(stripe={"feed": True}, stigg={"feed": True, "scan_minutes": NO_SCAN_MINUTES})
        harness.reconcile()
        harness.later(7200)
        harness.reconcile()  # reads the objects that the first one wrote
        print(json.dumps(measured(Account(harness, customers), repeats)))
    warehouses.stop()


class Account:
    """Both sides of one customer, in any number of copies."""

    def __init__(self, harness: Harness, customers: int) -> None:
        self.harness, self.customers = harness, customers
        self.session = harness.session()
        with harness.engine.connect() as connection:
            rows = connection.execute(
                text("select side, kind, id, body from stripe_sync.mirror where valid_to is null")
            ).all()
            found = connection.execute(text("select key, stripe_id from stripe_sync.link where owner <> ''")).all()
        self.rows = [(row.side, row.kind, row.id, row.body) for row in rows]
        self.links = {row.key: row.stripe_id for row in found}
        self.owned = {CUSTOMER, SUBSCRIPTION, *self.links.values()}

    def copied(self, row_text: str, number: int) -> str:
        """Return the text of a row of the first customer as that of a copy."""
        for key in self.links:
            mark = self.session.signer.marker
            row_text = row_text.replace(mark(key), mark(renamed(key, number)))
        for name in (CUSTOMER, SUBSCRIPTION, *self.links.values()):
            row_text = row_text.replace(name, renamed(name, number))
        return row_text.replace('"Zero"', f'"Customer {number}"')

    def side(self, side: str, numbers: range, name: str = "") -> Iterator[StagedRow]:
        """Yield the rows of one side: the catalog and these customers; ``name`` is their name in Stigg."""
        for given, kind, id, body in self.rows:
            if given != side:
                continue
            if id not in self.owned:
                yield StagedRow(kind, id, body)
                continue
            row_text = json.dumps(body, default=float)
            for number in numbers:
                copy = json.loads(self.copied(row_text, number))
                if name and kind == "customer":
                    copy["name"] = name
                yield StagedRow(kind, renamed(id, number), copy)

    def land(self, side: str, numbers: range, *, whole: bool, name: str = "") -> Snapshot:
        kinds = sorted({kind for given, kind, *_ in self.rows if given == side})
        return staging.close(
            self.harness.engine, environment="test", side=side, run_id="bench", kinds=kinds, upper_bound=self.harness_time(),
            rows=self.side(side, numbers, name), whole=None if whole else (),
        )  # fmt: skip

    def harness_time(self) -> Any:
        return self.session.clock.now()

    def unlink(self) -> None:
        """Remove the links of the first customer, which is replaced by copies."""
        with self.harness.engine.begin() as connection:
            connection.execute(
                text("update stripe_sync.link set ended_at = now() where owner <> '' and ended_at is null")
            )

    def link(self) -> None:
        """Link of every copy."""
        with self.harness.engine.begin() as connection:
            cursor = connection.connection.cursor()
            with cursor.copy("copy link (environment, key, stripe_id, source) from stdin") as target:
                for number in range(self.customers):
                    for key, id in self.links.items():
                        target.write_row(("test", renamed(key, number), renamed(id, number), "created"))
            cursor.close()
        with self.harness.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("analyze stripe_sync.link"))

    def rest(self) -> None:
        """Vacuum and analyze now, so that autovacuum does not run during a measurement."""
        with self.harness.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("vacuum (analyze)"))
            connection.execute(text("checkpoint"))

    def newest_of_stripe(self) -> int:
        with self.harness.engine.connect() as connection:
            pair = comparisons.latest_pair(connection, "test")
        assert pair is not None
        return pair[2]

    def run(self, id: str) -> Run:
        now = self.harness_time() + timedelta(seconds=5)
        runs.start(self.harness.engine, "test", id, now=now, params={})
        return Run(id, now)


def renamed(name: str, number: int) -> str:
    """Return an id of the first customer as that of a copy."""
    for given in (CUSTOMER, SUBSCRIPTION):
        name = name.replace(given, f"{given[:-4]}{number:08d}")
    return f"{name}x{number:08d}" if name.startswith(("cus_", "sub_")) else name


def measured(account: Account, repeats: int) -> dict[str, Any]:
    """Return seconds and MB of a first run, of comparing everything, nothing and a hundred renamed customers, of checks and
    plan, and of a complete run without changes, with one customer and with all. Short steps are repeated; the figure is
    the median.
    """
    all_customers = range(account.customers)
    account.rest()
    alone = [
        seconds for seconds, *_ in whole_runs(account.harness, repeats)
    ]  # in this process, which may be a slow one
    found: dict[str, list[float]] = {name: [figure] for name, figure in first_run(account).items()}
    found["alone"] = alone
    pair = {side: account.land(side, all_customers, whole=True).id for side in ("stigg", "stripe")}
    account.link()
    for name, times in (("warm", 1), ("whole", 1), ("quiet", repeats), ("few", repeats)):
        if name == "quiet":
            account.rest()
        for number in range(times):
            if name == "few":
                stigg = account.land("stigg", range(CHANGED), whole=False, name=f"Renamed {number}")
                pair = {"stigg": stigg.id, "stripe": account.newest_of_stripe()}
            given = account.run(f"{name}-{number}")
            check_seconds, _, _ = spent(check_mirrors, account.session, given, **pair)
            run = Run(given.id, given.now, RunParams(full=name == "whole"))
            seconds, mb, compared = spent(compare, account.session, run, **pair)
            assert compared.summary.differences == (CHANGED if name == "few" else 0), compared
            planned, _, made = spent(plan, account.session, run, comparison=compared.comparison)
            assert made.summary.actions == (CHANGED if name == "few" else 0), made
            for figure, value in {"": seconds, "_mb": mb, "_gate": check_seconds, "_plan": planned}.items():
                found.setdefault(f"{name}{figure}", []).append(value)
        if name == "quiet":
            found["run"], found["run_mb"], found["run_gets"] = map(
                list, zip(*whole_runs(account.harness, repeats), strict=True)
            )
    return {name: median(values) for name, values in found.items()}


def first_run(account: Account) -> dict[str, Any]:
    """Seconds and MB of deciding, planning and reporting everybody who is in Stigg and not yet in Stripe; seconds of the next run."""
    found: dict[str, Any] = {}
    pair = {
        side: account.land(side, range(n), whole=True).id for side, n in (("stigg", account.customers), ("stripe", 0))
    }
    account.unlink()
    run = account.run("first")
    found["first"], found["first_mb"], compared = spent(compare, account.session, run, **pair)
    assert compared.summary.differences == 2 * account.customers, compared
    about = {"comparison": compared.comparison}
    found["first_plan"], found["first_plan_mb"], made = spent(plan, account.session, run, **about)
    found["first_actions"] = made.summary.actions
    found["first_report"], found["first_report_mb"], _ = spent(report, account.session, run)
    found["again"], _, compared = spent(compare, account.session, account.run("again"), **pair)
    assert (compared.summary.decided, compared.summary.differences) == (0, 2 * account.customers), compared
    return found


def whole_runs(harness: Harness, repeats: int) -> Iterator[tuple[float, float, int]]:
    """(seconds, MB, GETs to Stripe) of runs of reconcile from end to end in which nothing changed, each a quarter of an hour
    after one like it."""
    harness.later(7200)
    harness.reconcile()
    for _ in range(repeats):
        harness.later(900)
        harness.world.requests.clear()
        seconds, mb, _ = spent(harness.reconcile)
        assert harness.writes() == 0
        yield seconds, mb, sum(r.side == "stripe" and r.method == "GET" for r in harness.world.requests)


def spent(work: Callable[..., Any], *given: Any, **named: Any) -> tuple[float, float, Any]:
    """Return (seconds, peak MB above the start, result)."""
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")  # the peak counts from here
    before, start = peak_mb(), time.monotonic()
    result = work(*given, **named)
    return time.monotonic() - start, peak_mb() - before, result


if __name__ == "__main__":
    main()

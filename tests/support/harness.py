"""The harness of one story: a sandbox with a world, a warehouse of its own, settings, and the pipeline."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import msgspec
import stripe
from sqlalchemy import Connection as Database
from sqlalchemy import Engine, text

from sandbox.builder import ACCOUNT, WorldBuilder, flat, per_unit
from sandbox.server.run import running
from sandbox.world.state import World, from_document
from stripe_sync.clients.stripe.sandbox_clock import SandboxClock
from stripe_sync.core.config.connections import Connection
from stripe_sync.core.errors import FatalError
from stripe_sync.core.open_questions import BY_NAME
from stripe_sync.core.settings import Environment, Limits, StiggSettings, StripeSettings, UsageSettings
from stripe_sync.jobs.reconcile.job import RECONCILE
from stripe_sync.jobs.reconcile.steps.apply import apply
from stripe_sync.jobs.runtime.context import Run, Session, start_run
from stripe_sync.jobs.runtime.runner import run_job, run_until
from stripe_sync.jobs.usage.job import USAGE
from stripe_sync.warehouse import runs
from stripe_sync.warehouse.comparisons import comparisons, drift_rows, statuses
from stripe_sync.warehouse.plans import plans
from stripe_sync.warehouse.plans.plans import StoredPlan
from stripe_sync.warehouse.step_results import row_of
from tests.support import endpoints, refusals, warehouses

ENFORCE = {"catalog": "enforce", "customers": "enforce", "subscriptions": "enforce", "usage": "enforce"}
GENEROUS = Limits(
    actions=1000,
    day_actions=10_000,
    share=1.0,
    deletes=100,
    due_now={"usd": "1000000", "eur": "1000000", "jpy": "1000000"},
    per_month={"usd": "1000000", "eur": "1000000", "jpy": "1000000"},
)
SETTINGS = Environment(
    name="test",
    stripe_account=ACCOUNT,
    modes=ENFORCE,
    limits=GENEROUS,
    usage=UsageSettings(reads_per_minute=60_000),
    stripe=StripeSettings(
        endpoint_rate=10_000,
        account_rate=10_000,
        rate_limit_share=1.0,
        feed=bool(os.environ.get("TEST_FEED")),  # stories bend Stripe's side by hand, of which no event tells
    ),
    stigg=StiggSettings(
        rate_limit_share=1000.0,  # a thousand times Stigg's limits: stories have no minute to wait
        native_integration="removed",
        feed=False,  # stories bend Stigg's side by hand, where updatedAt would have to follow
    ),
    accept_unknown=sorted(BY_NAME),
)
NO_LIMITS = dict.fromkeys(("edge", "entity", "mutation", "usageHistoryV2", "customerSubscriptions", "reads"), 0)
Obj = dict[str, Any]


@dataclass
class Harness:
    """One environment and everything around it. ``environment`` may be replaced between runs."""

    world: World
    stripe_url: str
    stigg_url: str
    engine: Engine
    warehouse_url: str
    folder: Path
    environment: Environment = SETTINGS
    secret: str = "a-secret"
    stripe_key: str = "sk_test_sandbox"
    attempts: int = 6
    settle_seconds: float = 0.0
    http: stripe.RequestsClient = field(default_factory=stripe.RequestsClient)
    counter: Iterator[int] = field(default_factory=itertools.count)

    def change(self, **settings: Any) -> None:
        """Replace settings of the environment; a dict for a table replaces those settings of it, and leaves the others."""
        for name, value in settings.items():
            table = getattr(self.environment, name)
            if isinstance(table, msgspec.Struct) and isinstance(value, dict):
                settings[name] = msgspec.structs.replace(table, **value)
        self.environment = msgspec.structs.replace(self.environment, **settings)

    def limit(self, **limits: Any) -> None:
        self.change(limits=msgspec.structs.replace(self.environment.limits, **limits))

    def connection(self, id: str) -> Connection:
        known = {
            "stripe_default": Connection(id, "stripe", host=self.stripe_url, password=self.stripe_key),
            "stigg_default": Connection(id, "stigg", host=self.stigg_url, password="server-sandbox"),
            "stripe_sync_test": Connection(id, "generic", password=self.secret),
        }
        return known[id]

    def session(self) -> Session:
        clock = SandboxClock(f"{self.stripe_url}/_world/clock")
        return Session(
            self.environment,
            self.engine,
            self.connection,
            clock,
            settle_seconds=self.settle_seconds,
            attempts=self.attempts,
        )

    def run(self, session: Session, /, id: str | None = None, **params: Any) -> Run:
        return start_run(session, id or f"run-{next(self.counter)}", params)

    def plan(self, **params: Any) -> StoredPlan:
        """Plans and gives the stored plan."""
        session = self.session()
        run = self.run(session, **params)
        try:
            run_until(session, run, RECONCILE, "plan")
        finally:
            session.close()
        found = plans.of_run(self.engine, "test", run.id)
        assert found is not None
        return found

    def drift(self, **params: Any) -> list[Any]:
        """Return the drift rows of a fresh comparison."""
        stored = self.plan(**params)
        with self.engine.connect() as connection:
            return drift_rows.load_drift(connection, stored.comparison_id)

    def decision(self, **params: Any) -> tuple[Any, ...]:
        """Plans; everything that the decision came to, as later steps and people see it."""
        stored = self.plan(**params)
        with self.engine.connect() as connection:
            differences = comparisons.differences(connection, stored.comparison_id)
            drift = drift_rows.load_drift(connection, stored.comparison_id)
            documents = self.documents(connection, stored.comparison_id)
            entities = connection.execute(
                text("select kind, id, status, reason, detail, stripe_id from stripe_sync.status order by kind, id")
            ).all()
        return differences, drift, documents, entities, stored.plan.hash

    def documents(self, connection: Database, comparison: int) -> dict[tuple[str, str, str], tuple[Any, ...]]:
        """Return every document of a comparison, with its facts."""
        rows = connection.execute(
            text(
                "select side, kind, key, owner, document, facts, entity_kind, entity_id, stripe_id "
                "from stripe_sync.document where environment = 'test' and valid_from <= :c and (valid_to is null or valid_to > :c)"
            ),
            {"c": comparison},
        )
        return {(r.side, r.kind, r.key): tuple(r)[3:] for r in rows}

    def reconcile(self, id: str | None = None, **params: Any) -> Obj:
        """Run reconcile and return the result of its step apply."""
        session = self.session()
        run = self.run(session, id, **params)
        os.environ["STRIPE_SYNC_REPORTS"] = str(self.folder / "reports")
        try:
            run_job(session, run, RECONCILE)
        finally:
            session.close()
        return runs.result(self.engine, self.environment.name, run.id, "apply") or {}

    def usage(self, id: str | None = None, *, alerts: bool = False) -> Obj:
        """Run the usage job and return the results of its steps. ``alerts``: the run has to raise an alert."""
        session = self.session()
        run = self.run(session, id)
        try:
            run_job(session, run, USAGE)
            assert not alerts, "no alert was raised"
        except FatalError:
            if not alerts:
                raise
        finally:
            session.close()
        found = runs.results_of(self.engine, self.environment.name, run.id, USAGE.leading_to(USAGE.last.name))
        return {key: value for result in found.values() for key, value in (result or {}).items()}

    def later(self, seconds: int) -> None:
        """Let time pass, with everything that Stripe does meanwhile."""
        httpx.post(f"{self.stripe_url}/_world/clock", json={"advance": seconds}, verify=False).raise_for_status()

    def apply_run(self, id: str) -> Obj:
        """Run the step apply of a planned run and return its result."""
        session = self.session()
        try:
            return row_of(apply(session, self.run(session, id)))
        finally:
            session.close()

    def status(self, id: str) -> tuple[str, str]:
        """(status, reason) of the entity with this Stigg id."""
        found = statuses.find(self.engine, "test", id)
        assert len(found) == 1, found
        return found[0].status.value, found[0].reason.value

    def stripe(self) -> stripe.StripeClient:
        """Stripe as a person's script would see it."""
        return stripe.StripeClient(self.stripe_key, base_addresses={"api": self.stripe_url}, http_client=self.http)

    def objects(self, collection: str) -> list[Obj]:
        """Return the objects of a Stripe collection, as the world holds them."""
        return list(self.world.stripe[collection].values())

    def frozen(self) -> str:
        """Return everything in Stripe as text: equal texts are equal worlds."""
        return json.dumps({k: v for k, v in self.world.stripe.items() if k != "events"}, sort_keys=True)

    def forget_keys(self) -> None:
        """Remove idempotency keys, as Stripe does after a day."""
        self.world.replays.clear()

    def writes(self) -> int:
        """Return the number of writes that reached Stripe, without previews."""
        return sum(r.side == "stripe" and r.method != "GET" and "preview" not in r.path for r in self.world.requests)

    def stigg(self, collection: str, **where: Any) -> Obj:
        """Return a row of the Stigg side, to be changed in place."""
        rows = [r for r in self.world.stigg[collection] if all(r.get(k) == v for k, v in where.items())]
        assert len(rows) == 1, (collection, where, len(rows))
        return rows[0]

    def merge(self, builder: WorldBuilder) -> None:
        """Take over Stigg's side of a builder: what a person changed in Stigg's app."""
        self.world.stigg.update(from_document(builder.document()).stigg)


def build_small_world() -> WorldBuilder:
    """Return a small catalog and three customers, each with a paid subscription."""
    world = WorldBuilder()
    world.product("acme", "Acme")
    world.feature("seats", "Seats")
    world.plan("pro", "Pro", [flat(20), per_unit("seats", 5)])
    world.addon("support", "Support", [flat(10)])
    for number in (1, 2, 3):
        world.customer(f"c-{number}", f"Customer {number}", f"c{number}@example.test")
        world.subscription(f"s-{number}", f"c-{number}", "pro", units={"seats": number + 1})
    return world


@contextmanager
def built(builder: WorldBuilder, folder: Path) -> Iterator[Harness]:
    """A harness on a world without rate limits."""
    document = builder.document()
    document["stripe"]["limits"] = {"account": 0, "endpoint": 0}
    document["stigg"]["limits"] = NO_LIMITS
    world = from_document(document)
    other = [name for name in os.environ.get("TEST_UNKNOWNS", "").split(",") if name]
    stripe.enable_telemetry = False
    with (
        refusals.watched(world),
        warehouses.fresh() as (url, engine),
        running(world) as (stripe_url, stigg_url),
        endpoints.watched(),
    ):
        for name in other:
            refusals.give(world, name, answer=not world.unknowns[name])
        harness = Harness(world, stripe_url, stigg_url, engine, url, folder)
        if not world.unknowns["reset_point_is_after"]:
            harness.change(usage={"reset_semantics": "before"})
        if not world.unknowns["integrations_readable"]:
            harness.change(stigg={"native_integration": "removed"})
        try:
            yield harness
        finally:
            harness.http.close()

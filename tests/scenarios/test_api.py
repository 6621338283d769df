"""The public API on one prepared world: the plan, the writes, a checkout, a portal link, and the tables as DataFrames."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import httpx
import pandas as pd
import pytest
from sqlalchemy import text

from sandbox.builder import flat, per_unit
from stripe_sync import api
from stripe_sync.api import BillingEnvironment, CheckoutOutcome, open_environment
from stripe_sync.core.config import packaged
from stripe_sync.core.errors import ConfigurationError, NotReady
from stripe_sync.reporting.datasets import DRIFT, INVOICE_AUDIT, PLANS, STATUSES, USAGE_LEDGER, USAGE_MOVEMENTS
from stripe_sync.reporting.frame_types import CURRENCIES, ColumnType
from stripe_sync.reporting.frames import roll_forward, totals, trend
from tests.support.harness import Harness, built
from tests.support.metering import metered_world, month_end
from tests.support.shell import ENFORCE, LIMITS, TOML, environ

TYPES = {
    ColumnType.ID: "string",
    ColumnType.TEXT: "string",
    ColumnType.COUNT: "Int64",
    ColumnType.MINOR: "Int64",
    ColumnType.DECIMAL: "object",
    ColumnType.CURRENCY: "category",
    ColumnType.TIME: "datetime64[us, UTC]",
    ColumnType.FLAG: "boolean",
}
DATASETS = {
    "drift": DRIFT,
    "usage_ledger": USAGE_LEDGER,
    "usage_movements": USAGE_MOVEMENTS,
    "invoice_audit": INVOICE_AUDIT,
    "statuses": STATUSES,
    "plans": PLANS,
}

PAGE = Path(__file__).parent.parent.parent / "docs" / "api.md"


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harness]:
    """A world with a month end that was billed, and two customers without a subscription."""
    world = metered_world()
    world.feature("seats", "Seats")
    world.plan("team", "Team", [flat(30), per_unit("seats", 5)])
    for id in ("new", "c-17"):
        world.customer(id, f"Customer {id}", f"{id}@example.test")
    with ExitStack() as stack:
        harness = stack.enter_context(built(world, tmp_path_factory.mktemp("api")))
        variables = environ(harness, TOML + ENFORCE + LIMITS)
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        for name, value in variables.items():
            patch.setenv(name, value)
        configuration = harness.stripe().v1.billing_portal.configurations.create(
            {"features": {"invoice_history": {"enabled": True}}}
        )
        harness.world.stripe["portal_configurations"][configuration.id]["is_default"] = True
        yield harness


@pytest.fixture(scope="module")
def environment(harness: Harness) -> Iterator[BillingEnvironment]:
    """The environment after its empty tables were compared with their types, a month end, and a quantity that was changed in Stripe."""
    with open_environment("test") as environment:
        for name, dataset in DATASETS.items():
            assert_typed(getattr(environment, name)(), dataset.columns)
        planned = environment.plan()
        applied = environment.apply(planned)
        assert applied.results == {"done": len(planned.actions)}
        assert environment.apply(planned) == applied, "a plan is applied once"
        month_end(harness)
        harness.usage()
        (subscription,) = harness.objects("subscriptions")
        subscription["items"]["data"][0]["quantity"] = 3
        harness.change(modes={})
        harness.reconcile()
        yield environment


def assert_typed(frame: pd.DataFrame, columns: dict[str, ColumnType]) -> None:
    """Assert the names and types of the columns, and that no cell is a binary float."""
    assert {name: str(kind) for name, kind in frame.dtypes.items()} == {n: TYPES[kind] for n, kind in columns.items()}
    for name, kind in columns.items():
        if kind is ColumnType.DECIMAL:
            assert {type(cell) for cell in frame[name]} <= {Decimal, type(None)}, name
        if kind is ColumnType.CURRENCY:
            assert tuple(frame[name].cat.categories) == CURRENCIES


def test_the_exported_names_are_all_that_the_module_defines() -> None:
    public = {n for n, value in vars(api).items() if getattr(value, "__module__", "") == api.__name__ and n[0] != "_"}
    assert sorted(public) == sorted(api.__all__)


def test_tables_have_their_types_with_rows_and_in_chunks(environment: BillingEnvironment) -> None:
    for name, dataset in DATASETS.items():
        read = getattr(environment, name)
        table = read()
        assert_typed(table, dataset.columns)
        assert len(table) > 0 or name == "invoice_audit", name
        chunks = list(read(chunks=2))
        assert all(len(chunk) <= 2 for chunk in chunks)
        pd.testing.assert_frame_equal(pd.concat(chunks, ignore_index=True), table)
    with pytest.raises(ConfigurationError, match="set chunks to 1 or more"):
        environment.drift(chunks=0)


def test_tables_hold_the_amounts_of_the_warehouse(environment: BillingEnvironment, harness: Harness) -> None:
    drift = environment.drift()
    (row,) = drift[drift["currency"].notna()].to_dict("records")
    assert (row["entity_id"], row["currency"], row["monthly_amount"]) == ("s-1", "usd", Decimal(-4000)), "two of 20.00"
    ledger = environment.usage_ledger()
    assert ledger.groupby("state")["quantity"].sum().to_dict() == {"proven": Decimal(1234)}
    assert ledger.groupby("currency")["amount"].sum().to_dict() == {"usd": Decimal(333)}, "1234 calls at 0.27 cents"
    assert set(ledger["subscription"]) == {"s-1"}
    with harness.engine.connect() as connection:
        pending, actions = connection.execute(
            text("select (select sum(amount) from stripe_sync.usage_movement where to_state = 'pending'), "
                 "(select sum(jsonb_array_length(body -> 'actions')) from stripe_sync.plan)")
        ).one()  # fmt: skip
    movements = environment.usage_movements()
    assert movements[movements["to_state"] == "pending"]["amount"].sum() == pending
    plans = environment.plans()
    assert len(plans[["run_id", "number"]].drop_duplicates()) == actions
    assert set(plans["result"].dropna()) == {"done"}
    statuses = environment.statuses()
    assert dict(zip(statuses["id"], statuses["status"], strict=True))["s-1"] == "PENDING"


def test_figures_of_the_frames_are_those_of_sql(environment: BillingEnvironment, harness: Harness) -> None:
    with harness.engine.connect() as connection:
        usage = [tuple(row) for row in connection.execute(text(packaged.sql("reports/usage")), {"environment": "test"})]
        history = connection.execute(
            text(packaged.sql("reports/history")), {"environment": "test", "now": environment.now()}
        ).all()
    ledger = totals(environment.usage_ledger(), by=["state"], value="amount")
    assert [(r.state, r.currency, r.amount) for r in ledger.itertuples()] == [(s, c, a) for s, c, _, a in usage]
    start = environment.now() - timedelta(days=1)
    balance = roll_forward(
        environment.usage_movements(chunks=1), start=start, end=environment.now() + timedelta(days=1)
    )
    after = {(r.state, r.currency): r.amount_after for r in balance.itertuples() if r.amount_after}
    assert after == {(s, c): a for s, c, _, a in usage if a}
    differences = pd.DataFrame([row._asdict() for row in history])
    table = trend(differences, index="day", columns="kind", value="differences")
    assert int(table["differences"].sum()) == sum(row.differences for row in history)


def test_a_checkout_is_provisioned_once_and_its_customer_gets_a_portal_link(
    environment: BillingEnvironment, harness: Harness
) -> None:
    order = {"customer": "new", "plan": "pro", "success_url": "https://example.test/paid", "subscription": "s-new"}
    page = environment.checkout(**order)
    assert environment.checkout(**order) == page, "the same id gives the same page"
    with pytest.raises(NotReady):
        environment.complete_checkout(page.session)
    assert environment.complete_checkouts() == {page.session: CheckoutOutcome.OPEN}
    httpx.post(f"{harness.stripe_url}/_world/checkout/{page.session}", verify=False).raise_for_status()
    assert environment.complete_checkout(page.session) is CheckoutOutcome.PROVISIONED
    assert harness.stigg("subscriptions", subscriptionId="s-new")["billingId"]
    assert environment.portal_link("new", return_url="https://example.test/").startswith("https://billing.stripe.com/")
    with pytest.raises(ConfigurationError, match="is not in Stripe"):
        environment.portal_link("unknown")


def test_the_examples_of_the_docs_run(
    environment: BillingEnvironment, harness: Harness, capsys: pytest.CaptureFixture[str]
) -> None:
    examples = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, object] = {}
    for example in examples:
        if "complete_checkout" in example:
            page = names["page"]
            assert isinstance(page, api.CheckoutPage)
            httpx.post(f"{harness.stripe_url}/_world/checkout/{page.session}", verify=False).raise_for_status()
            names["session"] = page.session
        exec(compile(example.replace('"production"', '"test"'), str(PAGE), "exec"), names)
    printed = capsys.readouterr().out
    assert "usd    -4000" in printed, "two of 20.00 too much"
    assert "s-17 is provisioned" in printed
    readme = PAGE.parent.parent / "README.md"
    for example in examples:
        if "checkout(" in example:
            assert example in readme.read_text(encoding="utf-8"), "the README shows the same checkout"

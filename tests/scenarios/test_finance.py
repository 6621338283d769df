"""The finance report: every total is the sum of its rows and of the same question asked by hand (issue 7)."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from sandbox.builder import WorldBuilder, flat, usage
from stripe_sync.core.clock import from_epoch
from stripe_sync.core.errors import ConfigurationError
from stripe_sync.jobs.finance.steps import publish as publishing
from stripe_sync.jobs.runtime.manual_actions import Operator, ignore
from stripe_sync.warehouse.step_results import row_of
from tests.support.harness import Harness
from tests.support.metering import HOUR, MINUTE, month_end, until
from tests.support.shell import command, environ

Build = Callable[[WorldBuilder], Harness]
HOSTILE = '=HYPERLINK("http://evil.test","x")<script>alert(\'x\')</script>\u202e' + "ש" * 300


def publish(harness: Harness, **params: Any) -> tuple[dict[str, Any], Path]:
    """The report's figures, and the folder of its files."""
    folder = harness.folder / "finance"
    session = harness.session()
    try:
        run = harness.run(session, **params)
        publishing.audit_month(session, run)
        summary: dict[str, Any] = row_of(publishing.publish(session, run, folder))["summary"]
    finally:
        session.close()
    return summary, folder


def rows(folder: Path, table: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((folder / "report.json").read_text(encoding="utf-8"), parse_float=Decimal)[
        table
    ]
    return found


def test_what_is_not_billed_at_all_ties_with_its_rows_and_with_the_question_by_hand(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    harness = harness_of(small_world)
    harness.change(modes={})
    harness.reconcile()
    summary, folder = publish(harness)
    assert summary["a_month"] == {"not billed at all": {"usd": "105.00"}}, "three of 20.00 and 2 + 3 + 4 seats at 5.00"
    assert summary["a_year"] == {"not billed at all": {"usd": "1260.00"}}
    assert sum(Decimal(r["a_month"]) for r in rows(folder, "at_risk")) == 105
    assert sum(r["differences"] for r in rows(folder, "at_risk")) == 3
    with harness.engine.connect() as connection:
        by_hand = connection.execute(
            text("select sum((per_month ->> 'usd')::numeric), count(*) from stripe_sync.drift where not accepted")
        ).one()
    assert by_hand[0] == 10500
    assert summary["open_differences"] == by_hand[1] == len(rows(folder, "open_drift"))
    assert len(list(csv.DictReader(io.StringIO((folder / "drift.csv").read_text(encoding="utf-8"))))) == by_hand[1]
    assert summary["active_not_billed"] == len(rows(folder, "active_not_billed")) == 3
    assert {r["per_month"] for r in rows(folder, "active_not_billed")} == {"30.00 USD", "35.00 USD", "40.00 USD"}


def test_too_little_and_too_much_are_told_apart_with_their_plan_and_age(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    harness = harness_of(small_world)
    harness.reconcile()
    harness.change(modes={})
    for id, quantity in (("s-1", 1), ("s-2", 5)):  # of 2 and of 3
        (held,) = [s for s in harness.objects("subscriptions") if s["metadata"].get("stiggEntityId") == id]
        next(i for i in held["items"]["data"] if i["quantity"] > 1)["quantity"] = quantity
    harness.reconcile()
    harness.later(3 * 24 * HOUR)
    harness.reconcile()
    summary, folder = publish(harness)
    assert summary["a_month"] == {"over-billed": {"usd": "-10.00"}, "under-billed": {"usd": "5.00"}}
    assert {(r["plan"], r["age"]) for r in rows(folder, "at_risk")} == {("pro", "under a week")}
    assert {r["age_days"] for r in rows(folder, "open_drift")} == {3}


def test_what_was_repaired_is_no_open_drift_and_says_who_made_it(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    harness.reconcile()
    summary, folder = publish(harness)
    assert (summary["open_differences"], summary["a_month"], summary["invariants_broken"]) == (0, {}, 0)
    made = rows(folder, "repaired")
    assert summary["repaired_since_yesterday"] == len(made) == harness.writes()
    assert {r["kind"] for r in made} >= {"customer.create", "subscription.create", "price.create"}
    harness.reconcile()
    _, folder = publish(harness)
    assert {r["items"] for r in rows(folder, "prices")} == {0, 3}, (
        "two prices of pro are in use, that of support is not"
    )


def test_accepted_drift_is_counted_apart(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    harness.change(modes={})
    harness.reconcile()
    session = harness.session()
    ignore(session, "subscription", "s-1", Operator("ada", "a partner pays by wire"))
    session.close()
    harness.reconcile()
    summary, folder = publish(harness)
    assert summary["a_month"] == {"not billed at all": {"usd": "75.00"}}
    assert [(r["entity_id"], r["reason"], r["ignored_by"]) for r in rows(folder, "accepted")] == [
        ("s-1", "a partner pays by wire", "ada")
    ]


def test_what_stripe_bills_and_nobody_claims_is_listed_with_its_worth(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    harness = harness_of(small_world)
    harness.reconcile()
    session = harness.session()
    api = harness.stripe()
    (held,) = [s for s in harness.objects("subscriptions") if s["metadata"].get("stiggEntityId") == "s-1"]
    foreign_customer = api.v1.customers.create({"name": "Somebody else"})
    other = api.v1.products.create({"name": "Other"})
    price = api.v1.prices.create(
        {"currency": "eur", "unit_amount": 12_000, "recurring": {"interval": "year"}, "product": other.id}
    )
    made = api.v1.subscriptions.create(
        {"customer": foreign_customer.id, "items": [{"price": price.id, "quantity": 2}], "collection_method": "send_invoice",
         "days_until_due": 7}
    )  # fmt: skip
    session.close()
    harness.reconcile()
    summary, folder = publish(harness)
    (row,) = rows(folder, "billed_not_active")
    assert (row["stripe_id"], row["a_month"], row["currency"]) == (made.id, "20.00", "eur"), "2 x 120.00 a year"
    assert summary["billed_not_active"] == 1
    assert held["id"] not in str(row)


def test_usage_and_the_closed_months_invoices(harness_of: Build, metered: WorldBuilder) -> None:
    harness = harness_of(metered)
    end = month_end(harness)
    harness.usage()
    summary, _ = publish(harness)
    assert summary["usage"] == {"proven": {"usd": "3.33"}}
    until(harness, end + HOUR + MINUTE)
    harness.usage()
    until(harness, end + 31 * 24 * HOUR)
    harness.reconcile()
    reads = len(harness.world.requests)
    summary, folder = publish(harness)
    once = len(harness.world.requests)
    assert once > reads, "the newest closed month is audited by itself"
    publish(harness)
    assert len(harness.world.requests) == once, "and not again within a day"
    assert summary["usage"]["billed"] == {"usd": "3.33"}
    assert [(r["expected"], r["invoiced"], r["difference"]) for r in rows(folder, "invoices")] == [
        ("23.33", "23.33", "0.00")
    ]
    month = f"{from_epoch(end):%Y-%m}"
    assert summary["invoices"] == {f"{month}-01": {"usd": "0.00"}}
    (billed,) = [r for r in rows(folder, "roll_forward") if r["state"] == "billed"]
    assert (billed["month"], billed["quantity_before"], billed["quantity_after"]) == (month, "0", "1234")
    assert (billed["amount_before"], billed["amount_in"], billed["amount_after"]) == ("0.00", "3.33", "3.33")


def test_a_broken_invariant_stands_in_the_report(harness_of: Build, metered: WorldBuilder) -> None:
    harness = harness_of(metered)
    month_end(harness)
    harness.usage()
    with harness.engine.begin() as connection:
        connection.execute(
            text("update stripe_sync.usage_window set start_at = start_at + interval '1 hour' where id = 1")
        )
        connection.execute(
            text(
                "insert into stripe_sync.usage_reading (window_id, quantity, read_at, run_id) values (1, 77, now(), 'x')"
            )
        )
    summary, folder = publish(harness)
    assert [r["invariant"] for r in rows(folder, "invariants")] == ["usage is conserved"]
    assert summary["invariants_broken"] == 1


def test_a_hostile_name_is_harmless_and_shown_only_where_that_was_asked_for(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    small_world.stigg["customers"][0]["name"] = HOSTILE
    small_world.stigg["plans"][0]["displayName"] = HOSTILE[:200]
    harness = harness_of(small_world)
    harness.change(modes={})
    harness.reconcile()
    for names in (False, True):
        _, folder = publish(harness, names=names)
        html = (folder / "index.html").read_text(encoding="utf-8")
        assert "<script>alert" not in html
        assert not re.search(r"""(src|href)=["'](?!#)|url\(|@import""", html), "it opens without a network"
        for cells in csv.reader(io.StringIO((folder / "drift.csv").read_text(encoding="utf-8"))):
            assert not any(cell.startswith(("=", "+", "@")) for cell in cells)
        book = zipfile.ZipFile(folder / "drift.xlsx")
        sheets = [book.read(name).decode() for name in book.namelist() if name.startswith("xl/worksheets/sheet")]
        assert not any("<f>" in sheet or "<hyperlink" in sheet for sheet in sheets)
        assert ("c1@example.test" in html) is names


def test_the_workbook_has_numbers_in_their_currency(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    harness.change(modes={})
    harness.reconcile()
    _, folder = publish(harness)
    book = zipfile.ZipFile(folder / "drift.xlsx")
    styles = book.read("xl/styles.xml").decode()
    assert "#,##0.00 &quot;USD&quot;" in styles
    assert "yyyy-mm-dd" in styles
    first = book.read("xl/worksheets/sheet1.xml").decode()
    assert re.search(r"<v>105(\.0+)?</v>", first)
    assert 'state="frozen"' in first
    assert (folder / "index.html").read_text(encoding="utf-8").count("<svg") >= 2


def test_the_command(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    env = environ(harness)
    assert command(env, "plan", "test").returncode == 2
    message = command(env, "report", "test", "--out", str(harness.folder / "out"))
    assert message.returncode == 0, message.stderr
    assert "not billed at all: 105.00 USD per month" in message.stdout
    assert {p.name for p in (harness.folder / "out").iterdir()} == {
        "index.html", "drift.xlsx", "drift.csv", "report.json", "summary.json"
    }  # fmt: skip
    assert command(env, "report", "test", "--month", "2026-1x").stderr.endswith(
        "Invalid month: 2026-1x. Use a month such as 2026-11.\n"
    )
    remote = command(env, "report", "test", "--out", "memory://reports", "--json")
    assert json.loads(remote.stdout)["folder"] == "memory://reports"


def test_a_month_that_is_none(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    with pytest.raises(ConfigurationError, match="Use a month such as 2026-11"):
        publish(harness, month="November")


def test_two_plans_cost_apart(harness_of: Build) -> None:
    world = WorldBuilder()
    world.product("acme", "Acme")
    world.feature("calls", "Calls", meterType="Incremental")
    world.plan("yen", "Yen", [flat(3000, currency="JPY")])
    world.plan("euro", "Euro", [flat(10, currency="EUR"), usage("calls", 0.5, currency="EUR")])
    for number, plan in enumerate(("yen", "euro", "euro")):
        world.customer(f"c-{number}")
        world.subscription(f"s-{number}", f"c-{number}", plan)
    harness = harness_of(world)
    harness.change(modes={})
    harness.reconcile()
    summary, folder = publish(harness)
    assert summary["a_month"] == {"not billed at all": {"eur": "20.00", "jpy": "3000"}}, "use is not known in advance"
    assert {(r["plan"], r["currency"], r["a_month"]) for r in rows(folder, "at_risk")} == {
        ("yen", "jpy", "3000"), ("euro", "eur", "20.00")
    }  # fmt: skip

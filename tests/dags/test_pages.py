"""The pages in Airflow: who may see them, that they only read, and what they show."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.harness import Harness

pytestmark = [pytest.mark.xdist_group("airflow"), pytest.mark.filterwarnings("default")]
HOSTILE = '=HYPERLINK("http://evil.test","x")<script>alert(1)</script>'
PAGES = (
    "",
    "entities",
    "entities/customer/c-1",
    "entities/subscription/s-1",
    "customers/c-1",
    "plans",
    "usage",
    "reports",
)


@pytest.fixture(scope="module")
def airflow(bag: Any) -> Iterator[Any]:
    """Airflow's API server with the plugin, as one client."""
    from airflow.api_fastapi.app import create_app
    from starlette.testclient import TestClient

    with TestClient(create_app(apps="core"), base_url="http://testserver") as client:
        yield client


def as_(role: str | None) -> dict[str, str]:
    """Return headers of a user with a role; an empty role is a user without roles, None an anonymous request."""
    if role is None:
        return {}
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    token = get_auth_manager().generate_jwt(SimpleAuthManagerUser(username="x", role=role or None))
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize(("role", "status"), [(None, 401), ("", 403), ("viewer", 200), ("user", 200), ("admin", 200)])
def test_whoever_may_see_the_runs_may_see_the_pages(
    airflow: Any, harness: Harness, role: str | None, status: int
) -> None:
    harness.reconcile()
    found = {path: airflow.get(f"/stripe-sync/test/{path}", headers=as_(role)).status_code for path in PAGES}
    assert found == dict.fromkeys(PAGES, status)
    assert airflow.get("/stripe-sync/", headers=as_(role)).status_code == (401 if role is None else 200)
    listed = airflow.get("/stripe-sync/", headers=as_(role)).text
    assert ("/stripe-sync/test/" in listed) is (status == 200)


def test_there_is_no_documentation_no_write_and_no_other_environment(airflow: Any, harness: Harness) -> None:
    admin = as_("admin")
    for path in ("docs", "redoc", "openapi.json"):
        assert airflow.get(f"/stripe-sync/{path}", headers=admin).status_code in (403, 404)
    assert airflow.get("/stripe-sync/nowhere/", headers=admin).status_code == 403
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        for path in ("", *(f"test/{page}" for page in PAGES)):
            assert airflow.request(method, f"/stripe-sync/{path}", headers=admin).status_code in (404, 405)


def test_every_answer_forbids_scripts_and_guessing(airflow: Any, harness: Harness) -> None:
    answer = airflow.get("/stripe-sync/test/", headers=as_("viewer"))
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "<script" not in answer.text


def test_an_entity_leads_to_both_sides_and_says_its_status(airflow: Any, harness: Harness) -> None:
    harness.reconcile()
    harness.change(modes={})
    (held,) = [s for s in harness.objects("subscriptions") if s["metadata"].get("stiggEntityId") == "s-1"]
    next(i for i in held["items"]["data"] if i["quantity"] > 1)["quantity"] = 1
    harness.reconcile()
    page = airflow.get("/stripe-sync/test/entities/subscription/s-1", headers=as_("viewer")).text
    assert f'href="https://dashboard.stripe.com/test/subscriptions/{held["id"]}" class="stripe"' in page
    assert "https://app.stigg.io/test/subscriptions/s-1" in page
    assert "items.price:test:plan:pro:seats" in page, "the difference, field by field"
    assert "subscription.create" in page, "and the history"
    listed = airflow.get("/stripe-sync/test/entities?kind=subscription&status=SUCCESS", headers=as_("viewer")).text
    assert "successful" in listed
    assert "s-2" in listed
    by_stripe = airflow.get(f"/stripe-sync/test/entities?kind=subscription&q={held['id']}", headers=as_("viewer")).text
    assert "entities/subscription/s-1" in by_stripe


def test_long_lists_are_paged_by_id(airflow: Any, harness: Harness) -> None:
    from sqlalchemy import text

    with harness.engine.begin() as connection:
        connection.execute(text(
            "insert into stripe_sync.status (environment, kind, id, status, run_id) "
            "select 'test', 'customer', 'c' || to_char(n, 'FM0000'), 'SUCCESS', 'x' from generate_series(1, 120) n"
        ))  # fmt: skip
    url, seen = "/stripe-sync/test/entities?kind=customer", []
    for _ in range(3):
        page = airflow.get(url, headers=as_("viewer")).text
        seen += re.findall(r"entities/customer/(c\d{4})", page)
        more = re.search(r'href="([^"]+)" rel="next"', page)
        url = more.group(1).replace("&amp;", "&") if more else ""
    assert seen == [f"c{n:04}" for n in range(1, 121)]
    assert url == ""


def test_a_hostile_name_and_id_are_harmless(airflow: Any, harness: Harness) -> None:
    harness.world.stigg["customers"][0]["name"] = HOSTILE
    harness.world.stigg["plans"][0]["displayName"] = HOSTILE
    harness.change(modes={})
    harness.reconcile()
    for path in PAGES:
        assert "<script" not in airflow.get(f"/stripe-sync/test/{path}", headers=as_("viewer")).text
    assert "c1@example.test" not in airflow.get("/stripe-sync/test/entities/customer/c-1", headers=as_("viewer")).text
    lost = airflow.get("/stripe-sync/test/entities/customer/%3Cscript%3E", headers=as_("viewer"))
    assert (lost.status_code, "<script" in lost.text) == (404, False)


def test_reports_are_downloads_of_known_names(airflow: Any, harness: Harness, tmp_path: Any) -> None:
    folder = tmp_path / "reports" / "test"
    folder.mkdir(parents=True)
    (folder / "drift.xlsx").write_bytes(b"a workbook")
    (folder / "secret.txt").write_text("no")
    page = airflow.get("/stripe-sync/test/reports", headers=as_("viewer")).text
    assert "drift.xlsx" in page
    answer = airflow.get("/stripe-sync/test/reports/drift.xlsx", headers=as_("viewer"))
    assert (answer.content, answer.headers["content-disposition"]) == (
        b"a workbook",
        'attachment; filename="test-drift.xlsx"',
    )
    for name in ("secret.txt", "..%2f..%2fsecret.txt", "summary.json"):
        assert airflow.get(f"/stripe-sync/test/reports/{name}", headers=as_("viewer")).status_code == 404


def test_no_page_reads_a_whole_table(harness: Harness) -> None:
    from sqlalchemy import text

    from stripe_sync.core.config import packaged

    with harness.engine.begin() as connection:
        connection.execute(text(
            "insert into stripe_sync.status (environment, kind, id, status, stripe_id, run_id) select 'test', 'customer', 'c' || n, "
            "'SUCCESS', 'cus_' || n, 'x' from generate_series(1, 20000) n"
        ))  # fmt: skip
        connection.execute(text("analyze stripe_sync.status"))
        about = {"environment": "test", "kind": "customer", "status": "", "q": "c12", "after": "", "most": 51}
        for name in ("entities", "by_stripe_id"):
            plan = [row[0] for row in connection.execute(text("explain " + packaged.sql(f"web/{name}")), about)]
            assert not any("Seq Scan on status" in line for line in plan), plan


def test_the_entry_in_the_navigation(bag: Any) -> None:
    from stripe_sync.interfaces.airflow.plugin import StripeSyncPlugin

    (view,) = StripeSyncPlugin.external_views
    assert (view["name"], view["href"], view["destination"]) == ("Billing sync", "/stripe-sync/", "nav")

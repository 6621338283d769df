"""The pages and the report as a person sees them: in a real browser, by keyboard, and offline.

With SCREENSHOTS set to a folder, the screenshots of docs/ are taken again.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from stripe_sync.jobs.finance.steps import publish
from tests.dags.test_pages import as_
from tests.support.harness import Harness

pytestmark = [pytest.mark.xdist_group("airflow"), pytest.mark.filterwarnings("default")]


def picture(page: Any, name: str) -> None:
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=str(Path(folder) / f"{name}.png"))


@pytest.fixture(scope="module")
def served(bag: Any) -> Iterator[str]:
    """Airflow's API server on loopback; gives its URL."""
    from airflow.api_fastapi.app import create_app

    server = uvicorn.Server(uvicorn.Config(create_app(apps="core"), host="127.0.0.1", port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(20)


def test_somebody_finds_a_customer_by_keyboard_alone(browser: Any, served: str, harness: Harness) -> None:
    harness.reconcile()
    (held,) = [s for s in harness.objects("subscriptions") if s["metadata"].get("stiggEntityId") == "s-1"]
    next(i for i in held["items"]["data"] if i["quantity"] > 1)["quantity"] = 1
    harness.change(modes={})
    harness.reconcile()
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.add_cookies(
        [{"name": "_token", "value": as_("viewer")["Authorization"].removeprefix("Bearer "), "url": served}]
    )
    page = context.new_page()
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.goto(f"{served}/stripe-sync/test/")
    assert page.get_by_role("heading", name="Overview").is_visible()
    picture(page, "overview")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Entities"
    page.keyboard.press("Enter")
    page.wait_for_url("**/entities")
    page.get_by_label("Kind").select_option("subscription")
    page.get_by_role("searchbox").fill("s-1")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=s-1*")
    assert page.get_by_role("link", name="s-1", exact=True).is_visible()
    picture(page, "entities")
    page.get_by_role("link", name="s-1", exact=True).click()
    page.wait_for_url("**/entities/subscription/s-1")
    assert page.get_by_role("heading", name="subscription s-1").is_visible()
    stripe = page.get_by_role("link", name=held["id"]).first
    assert stripe.get_attribute("href") == f"https://dashboard.stripe.com/test/subscriptions/{held['id']}"
    picture(page, "entity")
    assert problems == []
    context.close()


def test_the_report_opens_offline_sorts_and_filters(browser: Any, harness: Harness, tmp_path: Path) -> None:
    harness.change(modes={})
    harness.reconcile()
    session = harness.session()
    publish.publish(session, harness.run(session), tmp_path / "report")
    session.close()
    context = browser.new_context(offline=True, viewport={"width": 1280, "height": 1000})
    page = context.new_page()
    urls: list[str] = []
    page.on("request", lambda request: urls.append(request.url))
    page.goto((tmp_path / "report" / "index.html").as_uri())
    assert page.locator("figure svg").count() >= 2
    picture(page, "report")
    table = page.locator("#open_drift ~ .scroll").first
    rows = table.locator("tbody tr")
    everything = rows.count()
    page.locator("#open_drift ~ input.filter").first.fill("customer")
    assert 0 < rows.locator("visible=true").count() < everything
    page.locator("#open_drift ~ input.filter").first.fill("")
    head = table.get_by_role("button", name="entity id")
    at = table.locator("thead th").all_text_contents().index("entity id")
    column = f"rows => rows.map(row => row.cells[{at}].textContent)"
    head.click()
    up = rows.evaluate_all(column)
    head.click()
    assert rows.evaluate_all(column) == sorted(up, reverse=True)
    assert up == sorted(up)
    assert all(url.startswith("file:") for url in urls)
    context.close()

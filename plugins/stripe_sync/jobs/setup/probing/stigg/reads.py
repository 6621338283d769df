"""Questions to a Stigg environment that reading alone answers."""

from __future__ import annotations

from typing import Any

from stripe_sync.clients.stigg import documents
from stripe_sync.clients.stigg.documents import LISTS
from stripe_sync.core.errors import NotAuthorized, UnknownShape
from stripe_sync.domain.model.stigg_status import PackageStatus
from stripe_sync.jobs.setup.probing.answers import Found, No, Open, ProbeResult, Yes
from stripe_sync.jobs.setup.probing.questions import Asking, question
from stripe_sync.jobs.setup.probing.stigg import readings

PAGES = (100, 50, 25)


@question("integrations_readable")
def integrations_readable(asking: Asking) -> ProbeResult:
    return readable(asking, "integrations", documents.INTEGRATIONS)


@question("event_logs_readable")
def event_logs_readable(asking: Asking) -> ProbeResult:
    return readable(asking, "eventLogs", documents.EVENT_LOGS)


def readable(asking: Asking, root: str, document: str) -> ProbeResult:
    """Read one row of a list; a refusal is a "no" only if the same key may read something else at that time."""
    stigg = asking.session.stigg
    try:
        stigg.call(document, paging={"first": 1})
    except NotAuthorized as refused:
        stigg.environment()
        return No(str(refused))
    return Yes(f"{root} may be read.")


@question("largest_page")
def largest_page(asking: Asking) -> ProbeResult:
    """Request pages of the longest list, largest first, and count the returned rows."""
    for size in PAGES:
        fewer = 0
        for root, document in LISTS.values():
            found = page(asking, root, document, size)
            if found is None:
                break
            rows = len(found["edges"])
            if rows == size:
                return Found(str(size), f"Set stigg.page_size = {size}." if size > 25 else "")
            if found["pageInfo"]["hasNextPage"]:
                return Found(str(rows), f"A page of {size} is cut to {rows}; stigg.page_size may be {rows} at most.")
            fewer = max(fewer, rows)
        else:
            return Open(
                f"No list has more than {fewer} rows, so a page of {size} cannot be distinguished from a shorter one."
            )
    return Open("Each size was refused.")


def page(asking: Asking, root: str, document: str, size: int) -> dict[str, Any] | None:
    """Return a page of a list; None where Stigg refuses its size twice; a single refusal may have another cause."""
    for _ in range(2):
        try:
            found: dict[str, Any] = asking.session.stigg.call(document, paging={"first": size})[root]
        except UnknownShape:
            continue
        return found
    return None


def rows(asking: Asking, kind: str) -> list[dict[str, Any]]:
    """Return all rows of one of the lists of an extract."""
    root, document = LISTS[kind]
    return [row for page in asking.session.stigg.pages(root, document) for row in page]


@question("product_prices_by_content")
def product_prices_by_content(asking: Asking) -> ProbeResult:
    """Compare the charges of a plan's versions, of the plan that has the most versions."""
    plans = sorted(rows(asking, "plan"), key=lambda row: int(row["versionNumber"]))
    found: ProbeResult = Open("No plan has two versions.")
    for ref in dict.fromkeys(row["refId"] for row in plans):
        versions = [
            row["prices"] or [] for row in plans if row["refId"] == ref and row["status"] != PackageStatus.DRAFT
        ]
        found = readings.prices_over_versions(versions)
        if not isinstance(found, Open):
            return found
    return found


@question("addon_charges")
def addon_charges(asking: Asking) -> ProbeResult:
    """Look for the further charges of add-ons in the subscriptions that have them."""
    charges = {
        (row["refId"], int(row["versionNumber"])): {price["id"] for price in row["prices"] or ()}
        for row in rows(asking, "addon")
    }
    return readings.charges_of_addons(rows(asking, "subscription"), charges)

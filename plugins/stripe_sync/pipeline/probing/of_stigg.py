"""Questions to a Stigg environment; nothing is written there."""

from __future__ import annotations

from stripe_sync.errors import NotAuthorized, UnknownShape
from stripe_sync.pipeline.probing.answers import Found, No, Open, Result, Yes
from stripe_sync.pipeline.probing.asked import Asking, question
from stripe_sync.stigg_api import documents
from stripe_sync.stigg_api.documents import LISTS

PAGES = (100, 50, 25)


@question("integrations_readable")
def integrations_readable(asking: Asking) -> Result:
    return readable(asking, "integrations", documents.INTEGRATIONS)


@question("event_logs_readable")
def event_logs_readable(asking: Asking) -> Result:
    return readable(asking, "eventLogs", documents.EVENT_LOGS)


def readable(asking: Asking, root: str, document: str) -> Result:
    """Read one row of a list; a refusal is a "no" only where the same key may read something else at that moment."""
    stigg = asking.session.stigg
    try:
        stigg.call(document, paging={"first": 1})
    except NotAuthorized as refused:
        stigg.environment()
        return No(str(refused))
    return Yes(f"{root} may be read.")


@question("largest_page")
def largest_page(asking: Asking) -> Result:
    """Ask for pages, the largest first, of the longest list, and count the rows that come."""
    for size in PAGES:
        fewer = 0
        for root, document in LISTS.values():
            try:
                found = asking.session.stigg.call(document, paging={"first": size})[root]
            except UnknownShape:
                break
            rows = len(found["edges"])
            if rows == size:
                return Found(str(size), f"Set stigg_page_size = {size}." if size > 25 else "")
            if found["pageInfo"]["hasNextPage"]:
                return Found(str(rows), f"A page of {size} is cut to {rows}; stigg_page_size may be {rows} at most.")
            fewer = max(fewer, rows)
        else:
            return Open(f"No list has more than {fewer} rows, so a page of {size} cannot be told from a shorter one.")
    return Open("Each size was refused.")

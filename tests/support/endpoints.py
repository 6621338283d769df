"""The endpoints of Stripe that the pipeline calls: a committed list, made of the requests of all stories.

Each story checks its own requests against it, and a run of all stories that each row of it is still called (conftest.py of the
stories). ``TEST_ENDPOINTS=write`` writes the list again at the end of such a run.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sandbox.server.stripe_app import known_operation
from sandbox.world.refusal import StripeRefusal
from stripe_sync.clients.stripe.http import Http

FOLDER = "TEST_ENDPOINTS_FOLDER"  # where a run of tests keeps what its processes call
# Rows that a run of all stories need not call, and why.
UNPLAYED = {
    "GET /v1/subscription_schedules": "known to the lists of a test clock, which ask for what a run needs",
    "POST /v1/invoiceitems/{invoiceitem}": "a line is changed only where use is counted after it was written",
    "POST /v1/subscription_schedules/{schedule}/release": "a release always waits for a person, and the story ends there",
}
LIST = Path(__file__).parents[1] / "recorded" / "endpoints.txt"


def listed() -> set[str]:
    """Return the committed list: one ``POST /v1/prices/{price}`` a line."""
    return {line for line in LIST.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")}


@contextmanager
def watched() -> Iterator[set[str]]:
    """Yield the endpoints that the pipeline calls in this process from now on, and check them at the end."""
    called: set[str] = set()
    original = Http.request

    def request(self: Http, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None) -> Any:
        called.add(f"{method.upper()} {template(method.lower(), urlsplit(url).path)}")
        return original(self, method, url, headers, post_data)

    Http.request = request  # type: ignore[method-assign]
    try:
        yield called
    finally:
        Http.request = original  # type: ignore[method-assign]
        keep(called)
    assert is_written() or called <= listed(), (
        f"not in {LIST.name}, with the facts of them in facts.toml: {sorted(called - listed())}"
    )


def template(verb: str, path: str) -> str:
    """Return the path as Stripe's types name it; a path that Stripe does not know stays as it is."""
    try:
        return known_operation(verb, path)
    except StripeRefusal:
        return path


def keep(called: set[str]) -> None:
    """Write what was called to the folder of the run, where there is one."""
    if folder := os.environ.get(FOLDER):
        Path(folder, uuid.uuid4().hex).write_text("\n".join(sorted(called)), encoding="utf-8")


def begin() -> None:
    """Make the folder of a run; the processes that it starts find it in their environment."""
    if FOLDER not in os.environ:
        os.environ[FOLDER] = tempfile.mkdtemp(prefix="stripe_sync-endpoints-")


def end() -> set[str]:
    """Return what the processes of a run have called, and remove its folder."""
    folder = os.environ.pop(FOLDER)
    called = {line for path in Path(folder).iterdir() for line in path.read_text(encoding="utf-8").splitlines()}
    shutil.rmtree(folder)
    return called


def is_written() -> bool:
    """Return whether a run of all stories writes the list."""
    return os.environ.get("TEST_ENDPOINTS") == "write"


def differences(called: set[str], *, are_all: bool) -> list[str]:
    """Return what the list lacks, and where all stories ran what it has too much, as sentences."""
    found = [f"{line}: a story calls it, and {LIST.name} lacks it." for line in sorted(called - listed())]
    if are_all:
        found += [
            f"{line}: {LIST.name} has it, and no story calls it." for line in sorted(listed() - called - set(UNPLAYED))
        ]
    return found


def write(called: set[str]) -> None:
    """Write the list, below its comment, with the rows that no story need call."""
    comment = [line for line in LIST.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
    LIST.write_text("\n".join([*comment, *sorted(called | set(UNPLAYED)), ""]), encoding="utf-8")

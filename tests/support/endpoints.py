"""The endpoints of Stripe that the pipeline calls: a committed list, which every story's requests are checked against.

``TEST_ENDPOINTS=FOLDER`` keeps what the stories call, and ``python -m tests.support.endpoints FOLDER`` then says which rows of
the list no story calls any more.
"""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sandbox.server.stripe_app import known_operation
from sandbox.world.refusal import StripeRefusal
from stripe_sync.clients.stripe.http import Http

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
    assert called <= listed(), f"not in {LIST.name}, with the facts of them in facts.toml: {sorted(called - listed())}"


def template(verb: str, path: str) -> str:
    """Return the path as Stripe's types name it; a path that Stripe does not know stays as it is."""
    try:
        return known_operation(verb, path)
    except StripeRefusal:
        return path


def keep(called: set[str]) -> None:
    """Write what was called to the folder that TEST_ENDPOINTS names."""
    if folder := os.environ.get("TEST_ENDPOINTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        (Path(folder) / uuid.uuid4().hex).write_text("\n".join(sorted(called)), encoding="utf-8")


def main(folder: str) -> int:
    """Print the rows of the list that no story called; return 1 if there are any."""
    called = {line for path in Path(folder).iterdir() for line in path.read_text(encoding="utf-8").splitlines()}
    unused = sorted(listed() - called)
    print("\n".join(unused) or f"all {len(called)} endpoints of the list are called")
    return 1 if unused else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

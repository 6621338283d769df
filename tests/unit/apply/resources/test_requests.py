"""The exact parameters of each kind of write, as examples that were taken before parameters were types.

``requests.json`` has an action a line with its requests; Decimals are texts there.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from stripe_sync.domain.plan.actions import ActionKind
from tests.support.sent import Request, index, sent

EXAMPLES = json.loads(Path(__file__).with_name("requests.json").read_text())


@pytest.mark.parametrize("example", EXAMPLES, ids=[example["name"] for example in EXAMPLES])
def test_an_action_is_sent_with_exactly_these_parameters(example: dict[str, Any]) -> None:
    requests = sent(
        ActionKind(example["kind"]),
        example["target"],
        example["after"],
        before=example.get("before"),
        objects=example.get("objects"),
        links=index(**example.get("links", {})),
    )
    assert [as_json(request) for request in requests] == example["requests"]


def as_json(request: Request) -> dict[str, Any]:
    row = {"endpoint": request.endpoint, "key": request.key, "arguments": request.arguments}
    found: dict[str, Any] = json.loads(json.dumps(row, default=str))
    return found

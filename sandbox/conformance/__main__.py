"""``make conformance KEY_FILE=...``: play the project's scenarios, a month end among them, on a Stripe test account and on
the sandbox, and print where they differ.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from sandbox.conformance.comparison import differences, masked, since
from sandbox.conformance.servers import Side
from sandbox.replayer.http import LiveKey, Server, Unusable, key_in, require_right
from sandbox.replayer.replay import Report
from sandbox.replayer.scenario import BadScenario, Scenario, load
from sandbox.server.run import running
from sandbox.world.state import BadWorld, Obj, from_document

SCENARIOS = Path(__file__).parents[2] / "tests" / "recorded" / "scenarios"
STRIPE = "https://api.stripe.com"
KEY = "sk_test_sandbox"


def compared(scenario: Scenario, account: Side, sandbox: Side, *, start: int) -> list[str]:
    """Play a scenario on both, and return a line for each difference. Raises Unusable for a key that lacks a right."""
    theirs, ours = (side.play(scenario, start=start) for side in (account, sandbox))
    for one, other in zip(theirs.outcomes, ours.outcomes, strict=True):
        if one.status != other.status:
            require_right(one.status, one.answer)
    return list(report_differences(theirs, ours, account=account, sandbox=sandbox))


def report_differences(theirs: Report, ours: Report, *, account: Side, sandbox: Side) -> Iterator[str]:
    """Yield the differences of two reports, step by step; after another status, or where one was not reached, no more."""
    theirs_by, ours_by = names(theirs), names(ours)
    for there, here in zip(theirs.outcomes, ours.outcomes, strict=True):
        where = f"{there.step} [{', '.join(there.step.facts)}]"
        if (there.status, there.outcome == "not reached") != (here.status, here.outcome == "not reached"):
            yield f"{where}: status {there.status} on the {account.name}, {here.status} on the {sandbox.name}"
            continue
        one_side, other_side = (
            shown(o.answer, s, n) for o, s, n in ((there, account, theirs_by), (here, sandbox, ours_by))
        )
        for path, one, other in differences(one_side, other_side):
            yield f"{where}: {path}: {one} on the {account.name}, {other} on the {sandbox.name}"


def names(report: Report) -> dict[str, str]:
    """Return the ids and codes of what the steps of a replay made, with the number of the step, the longest first."""
    found: dict[str, str] = {}
    for outcome in report.outcomes:
        body = outcome.answer if outcome.status == 200 and isinstance(outcome.answer, dict) else {}
        for field in ("id", "code", "invoice_prefix"):
            if isinstance(body.get(field), str):
                found.setdefault(body[field], f"({field} of step {outcome.step.number})")
    return dict(sorted(found.items(), key=lambda pair: -len(pair[0])))


def shown(answer: object, side: Side, own: dict[str, str]) -> object:
    """Return an answer as it is compared with another account's: a page of all events goes on where there are older ones."""
    if isinstance(answer, dict) and answer.get("url") == "/v1/events":
        answer = {key: value for key, value in answer.items() if key != "has_more"}
    return masked(since(answer, side.start), own)


def empty(unknowns: Obj) -> Obj:
    """Return the document of a sandbox that has nothing but a clock that stands now."""
    return {
        "clock": int(time.time()), "unknowns": unknowns,
        "stigg": {"environment": {"id": "env-1", "slug": "conformance", "displayName": "-", "type": "SANDBOX"}},
        "stripe": {"account": {"id": "acct_1SANDBOX000000001"}, "keys": [KEY],
                   "limits": {"account": 0, "endpoint": 0, "clock_polls": 1}},
    }  # fmt: skip


def main() -> int:
    """Return 0 if nothing differs, 1 if something does, 2 for input that cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.conformance", description=__doc__)
    parser.add_argument("--key-file", type=Path, required=True, help="a file with a test key of the account")
    parser.add_argument("--base", default=STRIPE, help="the account's API; another address is for trying this out")
    parser.add_argument("--scenarios", type=Path, default=SCENARIOS, help="a folder, or one file")
    parser.add_argument("--answer", action="append", default=[], help="NAME=yes or NAME=no of docs/unknowns.md")
    arguments = parser.parse_args()
    try:
        account = Side("account", Server(arguments.base, key_in(arguments.key_file)))
        scenarios = loaded(arguments.scenarios)
        world = from_document(empty(dict(answer(text) for text in arguments.answer)))
    except (BadScenario, BadWorld, LiveKey, Unusable) as error:
        print(error, file=sys.stderr)
        return 2
    with running(world) as (url, _):
        try:
            return play_all(scenarios, account, Side("sandbox", Server(url, KEY)))
        except Unusable as error:
            print(error, file=sys.stderr)
            return 2


def loaded(path: Path) -> list[Scenario]:
    """Return the scenarios of a folder, or of one file. Raises BadScenario."""
    files = sorted([*path.glob("*.toml"), *path.glob("*.json")]) if path.is_dir() else [path]
    if not files:
        raise BadScenario(f"{path}: the folder has no scenario (*.toml or *.json).")
    return [load(file) for file in files]


def answer(text: str) -> tuple[str, bool]:
    """Return the name and the answer of ``NAME=yes`` or ``NAME=no``. Raises Unusable."""
    name, _, given = text.partition("=")
    if given not in ("yes", "no"):
        raise Unusable(
            f"--answer {text}: write {name or 'NAME'}=yes or {name or 'NAME'}=no, a switch of docs/unknowns.md."
        )
    return name, given == "yes"


def play_all(scenarios: list[Scenario], account: Side, sandbox: Side) -> int:
    """Print the differences of all scenarios; return 1 if there are any."""
    start, differing = int(time.time()) // 60 * 60, 0
    for scenario in scenarios:
        if scenario.only:
            print(f"{scenario.file}: left out, because it is played on the {scenario.only} alone")
            continue
        lines = compared(scenario, account, sandbox, start=start)
        differing += bool(lines)
        print("\n".join([f"{scenario.file}: {len(lines)} differences", *(f"  {line}" for line in lines)]), flush=True)
    for one in account.left:
        print(f"still in the account: {one}", file=sys.stderr)
    print(f"{len(scenarios)} scenarios, {differing} with differences")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())

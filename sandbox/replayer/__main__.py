"""``python -m sandbox.replayer --base URL --key-file FILE SCENARIO...``: replay scenarios and print each difference."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

from sandbox.replayer.http import LiveKey, Server, Unusable, key_in, require_right
from sandbox.replayer.replay import OUTCOMES, replay
from sandbox.replayer.scenario import BadScenario, Scenario, load


def main() -> int:
    """Return 0 if no step differs, 1 if one does, 2 for input that cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.replayer", description=__doc__)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--base", default="http://127.0.0.1:12111")
    parser.add_argument("--key-file", type=Path, help="a file with a test key; without it the sandbox's own key")
    arguments = parser.parse_args()
    try:
        key = key_in(arguments.key_file) if arguments.key_file else "sk_test_sandbox"
        server = Server(arguments.base, key)
        return replay_all([load(path) for path in arguments.files], server)
    except (BadScenario, LiveKey, Unusable) as error:
        print(error, file=sys.stderr)
        return 2


def replay_all(scenarios: list[Scenario], server: Server) -> int:
    """Print the differences of all scenarios; return 1 if there are any. Raises Unusable."""
    total: Counter[str] = Counter()
    for scenario in scenarios:
        report = replay(scenario, server)
        for outcome in report.outcomes:
            if outcome.status != outcome.step.status:
                require_right(outcome.status, outcome.answer)
        total += report.counts
        print("\n".join([f"{scenario.file}: {summary(report.counts)}", *("  " + line for line in report.lines())]))
    print(f"all: {summary(total)}")
    return 0 if total["same"] == sum(total.values()) else 1


def summary(counts: Counter[str]) -> str:
    return ", ".join(f"{counts[name]} {name}" for name in OUTCOMES)


if __name__ == "__main__":
    sys.exit(main())

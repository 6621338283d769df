"""Find untyped signatures and fields: ``python -m tools.seams [--list] [--write-baseline]``.

Untyped are Any, object, containers without parameters, aliases of these, recursive types, TypedDicts of which every
key is optional, and cast. Without an option the count of each kind in each scope may only fall.
Exit codes: 0 no finding (or none above the baseline), 1 findings, 2 settings or the baseline cannot be read.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tools.ratchet import RatchetError, compare, load, ratchet, save
from tools.seams.search import SeamsError, find
from tools.seams.search import load as load_settings
from tools.sources import ROOT, matches

SETTINGS = ROOT / "tools" / "seams.toml"
BASELINE = ROOT / "tools" / "baselines" / "seams.toml"
KINDS = ("signature", "field", "cast", "type")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tools.seams", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("paths", nargs="*", help="with --list: globs of files, such as domain/**")
    parser.add_argument("--list", action="store_true", help="print every finding; the exit code is 1 if there is one")
    parser.add_argument("--write-baseline", action="store_true", help="keep the counts of today as the limit")
    parser.add_argument("--root", type=Path, default=ROOT, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    try:
        findings = find(given.root, load_settings(SETTINGS))
        now = ratchet(((f.kind, f.scope) for f in findings), KINDS)
        if given.list:
            chosen = [f for f in findings if not given.paths or matches(f.path, given.paths)]
            print("\n".join([*map(str, chosen), f"{len(chosen)} untyped signatures, fields and casts."]))
            return 1 if chosen else 0
        if given.write_baseline:
            save(BASELINE, now)
            print(f"{now.counts.total()} findings are the baseline.")
            return 0
        return compare("Seams", load(BASELINE), now, [((f.kind, f.scope), str(f)) for f in findings])
    except (SeamsError, RatchetError) as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())

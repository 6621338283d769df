"""Find words that this project no longer uses: ``python -m tools.vocabulary [--list] [--write-baseline]``.

Without an option, the count of each word in each top-level folder is compared with the baseline, and may only fall.
Exit codes: 0 no finding (or none above the baseline), 1 findings, 2 the list or the baseline cannot be read.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

from tools.ratchet import Ratchet, RatchetError, compare, load, ratchet, save
from tools.sources import ROOT, matches
from tools.vocabulary.rules import Vocabulary, VocabularyError
from tools.vocabulary.rules import load as load_rules
from tools.vocabulary.search import Finding, Search

WORDS = ROOT / "tools" / "vocabulary.toml"
BASELINE = ROOT / "tools" / "baselines" / "vocabulary.toml"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tools.vocabulary", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("paths", nargs="*", help="with --list: globs of files, such as docs/** or usage/*.py")
    parser.add_argument("--list", action="store_true", help="print every finding; the exit code is 1 if there is one")
    parser.add_argument("--summary", action="store_true", help="with --list: print counts by word instead")
    parser.add_argument("--warnings", action="store_true", help="with --list: words with an ordinary meaning as well")
    parser.add_argument("--word", action="append", default=[], help="with --list: this word alone; may be repeated")
    parser.add_argument("--write-baseline", action="store_true", help="keep the counts of today as the limit")
    parser.add_argument("--root", type=Path, default=ROOT, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    try:
        vocabulary = load_rules(WORDS)
        findings = list(Search(vocabulary).tree(given.root))
        if given.list:
            return _list(_chosen(findings, given), summary=given.summary)
        now = _count(vocabulary, findings)
        if given.write_baseline:
            save(BASELINE, now)
            print(f"{now.counts.total()} findings are the baseline.")
            return 0
        return compare(
            "Vocabulary", load(BASELINE), now, [((f.rule.word, f.folder), str(f)) for f in findings if f.rule.is_error]
        )
    except (VocabularyError, RatchetError) as error:
        print(error, file=sys.stderr)
        return 2


def _chosen(findings: list[Finding], given: argparse.Namespace) -> list[Finding]:
    chosen = [f for f in findings if f.rule.is_error or given.warnings]
    if given.word:
        chosen = [f for f in chosen if f.rule.word in given.word or f.rule.literal in given.word]
    return [f for f in chosen if matches(f.path, given.paths)] if given.paths else chosen


def _list(findings: list[Finding], *, summary: bool) -> int:
    if summary:
        rules = {finding.rule.word: finding.rule for finding in findings}
        counted = Counter(finding.rule.word for finding in findings).most_common()
        print("\n".join(f"{count:5} {word} -> {rules[word].advice}" for word, count in counted))
    else:
        print("\n".join(map(str, findings)))
    print(f"{len(findings)} retired words.")
    return 1 if findings else 0


def _count(vocabulary: Vocabulary, findings: list[Finding]) -> Ratchet:
    errors = [(f.rule.word, f.folder) for f in findings if f.rule.is_error]
    return ratchet(errors, (rule.word for rule in vocabulary.rules if rule.is_error))


if __name__ == "__main__":
    sys.exit(main())

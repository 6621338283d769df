"""Check the locks without a network: ``python -m tools.locks``.

Every requirement of the .in files is satisfied by a pin, every pin has hashes, both locks agree, the package's own
bounds hold for the pins, and the environment is what the locks say.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)(?: ; ([^\\]+))?")


def pins(lock: Path) -> dict[str, list[tuple[str, str]]]:
    """(version, marker) by name; a universal lock may pin one name several times."""
    found: dict[str, list[tuple[str, str]]] = {}
    for line in lock.read_text(encoding="utf-8").splitlines():
        if match := PIN.match(line):
            found.setdefault(canonicalize_name(match[1]), []).append((match[2], (match[3] or "").strip()))
    return found


def requirements_of(source: Path) -> Iterator[Requirement]:
    for line in source.read_text(encoding="utf-8").splitlines():
        text = line.split("#")[0].strip()
        if text and not text.startswith("-"):
            yield Requirement(text)


def problems() -> Iterator[str]:
    locks = {name: pins(ROOT / f"{name}.txt") for name in ("requirements", "requirements-dev")}
    for name, pinned in locks.items():
        for requirement in requirements_of(ROOT / f"{name}.in"):
            versions = pinned.get(canonicalize_name(requirement.name), [])
            if not any(requirement.specifier.contains(v, prereleases=True) for v, _ in versions):
                yield f"{name}.txt has no pin for {requirement}; run make lock"
        blocks = re.split(r"^(?=[A-Za-z0-9])", (ROOT / f"{name}.txt").read_text(encoding="utf-8"), flags=re.M)
        for block in blocks:
            if PIN.match(block) and "--hash=sha256:" not in block:
                yield f"{name}.txt: {block.splitlines()[0]} has no hash; run make lock"
    for package in locks["requirements"].keys() & locks["requirements-dev"].keys():
        if set(locks["requirements"][package]) != set(locks["requirements-dev"][package]):
            yield f"the locks disagree on {package}; run make lock"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for requirement in map(Requirement, project["dependencies"]):
        versions = locks["requirements"].get(canonicalize_name(requirement.name), [])
        if not any(requirement.specifier.contains(v) for v, _ in versions):
            yield f"pyproject.toml wants {requirement}, which requirements.txt does not pin"
    yield from environment_problems(locks)


def environment_problems(locks: dict[str, dict[str, list[tuple[str, str]]]]) -> Iterator[str]:
    """Yield a sentence for each installed distribution that is not pinned, or has another version."""
    both = {**locks["requirements"], **locks["requirements-dev"]}
    for distribution in distributions():
        name = canonicalize_name(distribution.metadata["Name"])
        if name in ("pip", "setuptools", "stripe-sync"):
            continue
        if distribution.version not in [version for version, _ in both.get(name, [])]:
            yield f"{name} {distribution.version} is installed and not locked; run make"


def main() -> int:
    found = list(problems())
    for problem in found:
        print(f"locks: {problem}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

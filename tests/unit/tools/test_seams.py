"""Untyped signatures, fields, casts and types are found, also behind a name; exceptions have a reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.seams.__main__ import SETTINGS
from tools.seams.search import SeamsError, Settings, find, load

IMPORTS = "from __future__ import annotations\nfrom typing import *\nfrom typing import Any, cast, TypedDict\n"
OF_DOMAIN = Settings("pkg/app", {"domain": ("domain", "model"), "public": ("api.py",)}, ())


def places(
    tmp_path: Path, source: str, *, path: str = "domain/a.py", others: dict[str, str] | None = None
) -> list[str]:
    """Return "kind name: part" of each finding in a module, among others of the package."""
    for name, text in ({path: source} | (others or {})).items():
        (tmp_path / "pkg/app" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "pkg/app" / name).write_text(IMPORTS + text)
    return [f"{f.kind} {f.name}: {f.part}" for f in find(tmp_path, OF_DOMAIN)]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def f(x: int) -> str: ...", []),
        ("def f(x: Any) -> str: ...", ["signature f: x has Any"]),
        ("def f(x: 'dict[str, Any]') -> str: ...", ["signature f: x has Any"]),
        ("def f(*x: object, **y: Any) -> None: ...", ["signature f: x has object; y has Any"]),
        ("def f() -> dict: ...", ["signature f: the result has bare dict"]),
        ("def f(x: Mapping[str, int]) -> None: ...", []),
        (
            "class A:\n    x: list[object]\n    def f(self, y: Any) -> None: ...",
            ["field A.x: object", "signature A.f: y has Any"],
        ),
        ("def f() -> None:\n    def g(x: Any) -> None: ...", ["signature f.g: x has Any"]),
        ("def f() -> None:\n    x: Any = 1", []),  # a local, no border
        ("class A:\n    def __init__(self) -> None:\n        self.x: Any = 1", ["field A.__init__.self.x: Any"]),
        ("Row = dict[str, Any]\ndef f(x: Row) -> None: ...", ["signature f: x has Row (alias of Any)"]),
        ("Row = dict[str, Any]\nRows = list[Row]\nx: Rows", ["field x: Rows (alias of Row (alias of Any))"]),
        (
            "Json: TypeAlias = 'dict[str, Json] | str'\ndef f(x: Json) -> None: ...",
            ["signature f: x has Json (recursive type)"],
        ),
        ("A = list['B']\nB = dict[str, A]\nx: B", ["field x: B (recursive type)"]),
        ("Id = NewType('Id', str)\nx: Id", []),
        (
            "class T(TypedDict, total=False):\n    a: int\ndef f(x: T) -> None: ...",
            ["type T: optional-everything TypedDict", "signature f: x has T (optional-everything TypedDict)"],
        ),
        ("class T(TypedDict, total=False):\n    a: Required[int]\n    b: int\nx: T", []),
        ("class T(TypedDict):\n    a: NotRequired[int]", ["type T: optional-everything TypedDict"]),
        ("def f() -> int:\n    return cast(int, 1)", ["cast f: int"]),
        ("import typing as t\nx: t.Any", ["field x: Any"]),
        ("class Any2: ...\nx: Any2", []),
        ("class Counter: ...\nx: Counter", []),
        ("x: Literal['Any', 'dict']", []),
    ],
)
def test_untyped_places(tmp_path: Path, source: str, expected: list[str]) -> None:
    assert places(tmp_path, source) == expected


def test_an_alias_of_another_module_is_followed(tmp_path: Path) -> None:
    others = {"rows.py": "Row = dict[str, Any]", "again.py": "from app.rows import Row as Line"}
    found = places(
        tmp_path,
        "from app.again import Line\nfrom ..rows import Row\ndef f(x: Line, y: Row) -> None: ...",
        others=others,
    )
    assert found == ["signature f: x has Line (alias of Any); y has Row (alias of Any)"]


def test_only_scopes_count(tmp_path: Path) -> None:
    assert places(tmp_path, "x: Any", path="warehouse/a.py") == []
    assert places(tmp_path, "x: Any", path="api.py") == ["field x: Any"]


def test_an_exception_needs_a_reason(tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text(
        'package = "p"\n[scopes]\ndomain = ["domain"]\n[[exceptions]]\npath = "**"\nname = "__eq__"\nreason = " "\n'
    )
    with pytest.raises(SeamsError, match="need a reason: __eq__"):
        load(tmp_path / "s.toml")


def test_the_projects_settings_have_every_scope() -> None:
    settings = load(SETTINGS)
    assert set(settings.scopes) == {"domain", "apply", "jobs", "reporting", "public"}
    assert settings.excepts("plugins/stripe_sync/domain/a.py", "LinkKey.__eq__")
    assert settings.scope("plugins/stripe_sync/jobs/usage/job.py") == "jobs"
    assert settings.scope("plugins/stripe_sync/clients/stripe/http.py") is None

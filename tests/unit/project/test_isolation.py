"""The unit tests and the pure core load neither Airflow nor Great Expectations nor any library of I/O."""

from __future__ import annotations

import subprocess
import sys

import pytest

PURE = ("domain", "core")
IO = {"airflow", "stripe", "sqlalchemy", "psycopg", "pandas", "httpx", "great_expectations"}


def loaded(code: str) -> set[str]:
    """The top-level modules that a fresh interpreter has after running code."""
    program = f"{code}\nimport sys\nprint(' '.join({{m.partition('.')[0] for m in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_this_group_has_loaded_neither_airflow_nor_great_expectations() -> None:
    assert not {"airflow", "great_expectations"} & {name.partition(".")[0] for name in sys.modules}


@pytest.mark.parametrize("room", PURE)
def test_the_core_is_pure_when_it_is_imported(room: str) -> None:
    code = (
        f"import pkgutil, importlib, stripe_sync.{room} as r\n"
        "for m in pkgutil.walk_packages(getattr(r, '__path__', []), r.__name__ + '.'): importlib.import_module(m.name)"
    )
    assert not IO & loaded(code)


def test_help_imports_nothing_heavy() -> None:
    assert not IO & loaded("from stripe_sync.interfaces.cli import main")


def test_every_module_of_the_package_states_what_it_keeps_true() -> None:
    from pathlib import Path

    import stripe_sync

    for path in Path(stripe_sync.__file__).parent.rglob("*.py"):
        assert path.read_text(encoding="utf-8").lstrip().startswith('"""'), path


def test_the_error_tree_and_its_names() -> None:
    from stripe_sync.core import errors

    assert errors.__all__ == sorted(errors.__all__)
    assert set(errors.__all__) == {n for n, v in vars(errors).items() if isinstance(v, type)}
    assert all(issubclass(getattr(errors, name), errors.StripeSyncError) for name in errors.__all__)
    assert all(name in (errors.__doc__ or "") for name in errors.__all__)


RACE = """
import sys, threading, types
from stripe_sync.core.decoding import typed
sys.setswitchinterval(1e-6)
FIELDS = "".join(f" f{n}: {'Inner' if n % 2 else 'list[Inner] | None'} | None = None\\n" for n in range(20))
SOURCE = f'''from __future__ import annotations
import msgspec
class Inner(msgspec.Struct):
 a: int | None = None
class Outer(msgspec.Struct):
{FIELDS}'''
for number in range(100):
    module = types.ModuleType(f"made_{number}")
    sys.modules[module.__name__] = module
    exec(SOURCE, module.__dict__)
    start = threading.Barrier(8)
    def use():
        start.wait()
        typed({"f1": {"a": 1}, "f2": [{"a": 2}]}, module.Outer)
    threads = [threading.Thread(target=use) for _ in range(8)]
    [t.start() for t in threads]
    [t.join() for t in threads]
print("alive")
"""


def test_threads_that_are_the_first_to_use_a_type_do_not_crash() -> None:
    done = subprocess.run([sys.executable, "-c", RACE], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "alive"), done.stderr[-500:]

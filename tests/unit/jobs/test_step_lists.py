"""The step lists: each path names a function that takes what the list says, and reading a list imports nothing heavy."""

from __future__ import annotations

import dataclasses
import inspect
import subprocess
import sys
from pathlib import Path
from typing import get_type_hints

import pytest

import stripe_sync
from stripe_sync.jobs.checkout.job import CHECKOUT, COMPLETE_CHECKOUT
from stripe_sync.jobs.finance.job import REPORT
from stripe_sync.jobs.reconcile.job import RECONCILE
from stripe_sync.jobs.runtime.context import Run, Session
from stripe_sync.jobs.runtime.runner import function_of
from stripe_sync.jobs.runtime.step_list import Argument, Job, Step, Trigger
from stripe_sync.jobs.usage.job import USAGE
from stripe_sync.warehouse.step_results import StepResult

JOBS = (RECONCILE, USAGE, REPORT, CHECKOUT, COMPLETE_CHECKOUT)
STEPS = [pytest.param(step, id=f"{job.name}.{step.name}") for job in JOBS for step in job.steps]
HEAVY = {"airflow", "stripe", "sqlalchemy", "psycopg", "pandas", "httpx", "great_expectations", "msgspec"}
GIVEN = {"publish": {"folder"}}  # arguments of a caller, not of other steps


def test_every_job_file_is_listed_here() -> None:
    files = {path.parent.name for path in (Path(stripe_sync.__file__).parent / "jobs").glob("*/job.py")}
    assert files == {"reconcile", "usage", "finance", "checkout"}


@pytest.mark.parametrize("step", STEPS)
def test_a_path_names_a_function_with_the_parameters_and_the_result_that_the_list_states(step: Step) -> None:
    function = function_of(step)
    first, second, *rest = inspect.signature(function).parameters.values()
    types = get_type_hints(function)
    assert (types[first.name], types[second.name]) == (Session, Run)
    assert issubclass(types["return"], StepResult)
    assert all(argument.parameter in types for argument in step.arguments)
    stated = {argument.parameter for argument in step.arguments}
    assert {p.name for p in rest} - GIVEN.get(step.name, set()) == stated


@pytest.mark.parametrize("step", STEPS)
def test_a_step_that_keeps_its_result_keeps_it_under_its_own_name(step: Step) -> None:
    """A result is kept by the name that its type states; only the outcome of a run is not kept."""
    function = function_of(step)
    is_outcome = step.function.endswith(":decide_outcome")
    assert get_type_hints(function)["return"].step == ("" if is_outcome else step.name)
    assert is_outcome or function.__name__ == step.name


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
def test_an_argument_is_a_field_of_the_result_of_its_step(job: Job) -> None:
    for argument in (argument for step in job.steps for argument in step.arguments):
        kind = get_type_hints(function_of(job.step(argument.step)))["return"]
        assert argument.field in {field.name for field in dataclasses.fields(kind)} - set(kind.flat)


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
def test_a_step_waits_for_earlier_steps_of_its_job_alone(job: Job) -> None:
    names = [step.name for step in job.steps]
    assert len(set(names)) == len(names)
    for position, step in enumerate(job.steps):
        assert set(step.upstream()) <= set(names[:position]), step.name


def test_the_outcome_waits_for_all_steps_but_the_one_that_asks() -> None:
    leading = [step.name for step in RECONCILE.leading_to(RECONCILE.last.name)]
    assert leading == [
        "preflight", "extract_stigg", "extract_stripe", "check_mirrors", "compare", "plan", "check_plan", "apply",
        "verify", "report",
    ]  # fmt: skip
    assert [step.name for step in USAGE.leading_to(USAGE.last.name)] == [
        "usage_due", "usage_count", "usage_lines", "usage_settle",
    ]  # fmt: skip


def test_steps_lead_to_a_step_through_arguments_and_order_in_the_order_of_the_job() -> None:
    job = Job(
        "job",
        (
            Step(name="first", function="x:first"),
            Step(name="aside", function="x:aside", after=("first",)),
            Step(
                name="second",
                function="x:second",
                arguments=(Argument("a", "first", "id"), Argument("b", "first", "n")),
            ),
            Step(name="last", function="x:last", after=("second",), trigger=Trigger.ALL_DONE),
        ),
    )
    assert job.step("second").upstream() == ("first",)
    assert [step.name for step in job.leading_to("last")] == ["first", "second"]
    assert job.leading_to("first") == ()
    with pytest.raises(KeyError):
        job.step("none")


@pytest.mark.parametrize("folder", ["reconcile", "usage", "finance", "checkout"])
def test_reading_a_list_imports_nothing_heavy(folder: str) -> None:
    code = f"import sys, stripe_sync.jobs.{folder}.job\nprint(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = done.stdout.split()
    assert not HEAVY & {name.partition(".")[0] for name in modules}
    assert {name for name in modules if name.startswith("stripe_sync.")} == {
        "stripe_sync.jobs", f"stripe_sync.jobs.{folder}", f"stripe_sync.jobs.{folder}.job",
        "stripe_sync.jobs.runtime", "stripe_sync.jobs.runtime.step_list",
    }  # fmt: skip


def test_no_other_module_imports_a_job_by_string() -> None:
    """``import_module`` stands in the runner alone, so that the lists are the only imports by string of the package."""
    package = Path(stripe_sync.__file__).parent
    found = {
        p.relative_to(package).as_posix() for p in package.rglob("*.py") if "import_module" in p.read_text("utf-8")
    }
    assert found == {"jobs/runtime/runner.py"}

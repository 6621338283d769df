"""No story switches off a refusal of either API, except those listed here with the reason."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from sandbox.world.state import UNKNOWNS
from tests.support.switches import STORIES

TESTS = Path(__file__).parents[2]
# The modules that stories are built with.
SHARED = sorted((TESTS / "support").glob("*.py"))
# The answers under which something is refused that is not refused under the other.
REFUSING = {
    "account_right_grantable": False, "canceled_draft_advances": False, "clear_usage_refused": True,
    "coupon_id_reuse": False, "event_logs_readable": False, "finalization_moves": False, "integrations_readable": False,
    "isk_rounds": False, "large_pages": False, "missing_location_finalizes": False, "short_leads_refused": True,
    "stigg_pages_clamp": False, "thin_events_by_event_read": False, "time_needs_auto_advance": True,
}  # fmt: skip
# Where, and why: the refusal is not what the story is about, and others have it.
ALLOWED = {
    "support/harness.py::built": "429 by the second and the minute, in real time: no story could wait; test_budget and "
    "test_stigg_limits switch them on",
    "support/sandbox_client.py::sandbox_client": "429 in real time, unless a test gives the limits itself",
    "support/pairs.py::paired": "429 in real time; the two sandboxes of the probe's account",
    "scenarios/test_pair.py::account": "429 in real time; two month ends are played",
    "scenarios/test_account.py::another": "429 in real time; a second account beside the harness's",
    "scenarios/test_guards.py::test_the_native_integration_holds_everything_at_observe": "the default: it is said, since the "
    "run under the other answers has it off",
    "scenarios/test_stigg_feed.py::test_event_logs_name_the_subscriptions_that_changed": "what logs tell where they may be "
    "read; the refusal is the other end of the story after it",
    "scenarios/test_unknowns.py::test_enforce_waits_for_the_answers_and_goes_on_with_them": "the defaults: they are said, since "
    "the run under the other answers has them off, and probe asks them here",
    "scenarios/test_tax.py::test_tax_that_stripe_switched_off_names_the_untaxed_invoices_and_waits_for_a_person": "what "
    "follows an untaxed invoice; the refusal is the other end of the story after it",
}


def test_what_is_switched_off_is_named_with_its_reason() -> None:
    files = [*sorted(STORIES.glob("*.py")), *SHARED]
    found = {f"{path.relative_to(TESTS)}::{name}" for path in files for name in switched_off(path)}
    assert sorted(found - set(ALLOWED)) == [], "they switch a refusal off: say why in ALLOWED, or leave it on"
    assert sorted(set(ALLOWED) - found) == [], "they switch nothing off any more"


def test_each_switch_that_is_a_refusal_is_known() -> None:
    assert set(REFUSING) <= set(UNKNOWNS)


def switched_off(path: Path) -> Iterator[str]:
    """Yield the functions of a file that switch a refusal off: by an answer, by a limit of 0, or by patching the sandbox."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    own = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sandbox")
        for alias in node.names
    }
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef) and any(turns_off(node, own) for node in ast.walk(function)):
            yield function.name


def turns_off(node: ast.AST, own: set[str]) -> bool:
    """Return whether a statement switches a refusal off; ``own`` are the names that a file has from the sandbox."""
    if isinstance(node, ast.Call):
        return is_patch(node, own)
    if not isinstance(node, (ast.Assign, ast.AugAssign)):
        return False
    target = ast.unparse(node.targets[0] if isinstance(node, ast.Assign) else node.target)
    if "limits" in target and "environment" not in target:
        return "NO_LIMITS" in ast.unparse(node.value) or any(is_zero(part) for part in ast.walk(node.value))
    return "unknowns" in target and any(is_lenient(name, value) for name, value in answers(target, node.value))


def is_lenient(name: str, value: ast.expr) -> bool:
    """Return whether an answer that is written out is the one that refuses nothing."""
    return name in REFUSING and isinstance(value, ast.Constant) and value.value is not REFUSING[name]


def answers(target: str, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    """Yield the switches that a statement sets: ``unknowns["name"] = value``, or ``unknowns |= {...}``."""
    if isinstance(value, ast.Dict):
        yield from ((key.value, one) for key, one in zip(value.keys, value.values, strict=True)
                    if isinstance(key, ast.Constant))  # fmt: skip
    elif "[" in target:
        yield target.rpartition("[")[2].strip("]'\""), value


def is_zero(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value == 0 and node.value is not False


def is_patch(node: ast.Call, own: set[str]) -> bool:
    """Return whether a call patches something of the sandbox."""
    first = ast.unparse(node.args[0]) if node.args else ""
    patches = ast.unparse(node.func).endswith((".setattr", ".setitem"))
    return patches and (first.split(".")[0] in own or first.strip("'\"").startswith("sandbox."))

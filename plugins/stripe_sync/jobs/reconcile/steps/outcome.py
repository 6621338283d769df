"""The last word on a run: it failed if any station did, or if anything written is not known to be right."""

from __future__ import annotations

from stripe_sync.core.errors import RunStopped
from stripe_sync.jobs.runtime.context import Run, Session
from stripe_sync.jobs.runtime.step import Result
from stripe_sync.warehouse import runs

STATIONS = (
    "preflight", "extract_stigg", "extract_stripe", "check_mirrors", "compare", "plan", "check_plan", "apply", "verify",
    "report",
)  # fmt: skip


def verdict(session: Session, run: Run) -> Result:
    """Raises RunStopped, naming the stations that did not finish and the writes that are not proven."""
    results = {name: runs.result(session.engine, session.environment.name, run.id, name) for name in STATIONS}
    unfinished = [name for name, result in results.items() if result is None]
    if unfinished:
        raise RunStopped(f"The run {run.id} did not finish {', '.join(unfinished)}; see the first of them.")
    applied, verified = results["apply"] or {}, results["verify"] or {}
    problems = []
    if verified.get("open_intents"):
        problems.append(f"{verified['open_intents']} writes have an unknown outcome and are looked for by the next run")
    if applied.get("unverified") or verified.get("wrong"):
        count = len(applied.get("unverified", ())) + len(verified.get("wrong", ()))
        problems.append(f"{count} writes are not as they were wanted")
    if problems:
        raise RunStopped(f"The run {run.id}: {'; '.join(problems)}.")
    return {"run": run.id, "planned": (results["plan"] or {})["actions"], "results": applied.get("results", {})}

"""The replay of one scenario: its steps in order, each answer compared, none of them ending the others."""

from __future__ import annotations

import secrets
import urllib.parse
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from sandbox.replayer.clocks import Clock, WorldClock
from sandbox.replayer.compare import REFERENCE, NoSuchValue, differences, filled, referred, short
from sandbox.replayer.http import Server
from sandbox.replayer.scenario import Scenario, Step

OUTCOMES = ("same", "differs", "not modelled", "not reached")


@dataclass(frozen=True)
class Outcome:
    """The outcome of one step: differences and the answer."""

    step: Step
    outcome: str
    differences: tuple[str, ...] = ()
    status: int = 0
    answer: Any = None


@dataclass
class Report:
    """The outcomes of a scenario's steps, and the (object, id) of everything that it made."""

    scenario: Scenario
    outcomes: list[Outcome] = field(default_factory=list)
    made: list[tuple[str, str]] = field(default_factory=list)

    @property
    def counts(self) -> Counter[str]:
        """Return the number of steps by outcome."""
        return Counter(dict.fromkeys(OUTCOMES, 0)) + Counter(o.outcome for o in self.outcomes)

    def lines(self) -> list[str]:
        """Return one line for each difference, with the step and its facts."""
        return [
            f"{self.scenario.file}, {outcome.step} [{', '.join(outcome.step.facts)}]: {text}"
            for outcome in self.outcomes
            if outcome.outcome != "same"
            for text in outcome.differences or (outcome.outcome,)
        ]


def replay(scenario: Scenario, server: Server, clock: Clock | None = None) -> Report:
    """Send the steps of a scenario to a server; ``{unique}`` is a text of this replay alone."""
    clock = clock or WorldClock(server)
    known: dict[str, Any] = {"unique": secrets.token_hex(5)}
    report = Report(scenario)
    for step in scenario.steps:
        if step.advance:
            clock.advance(step.advance)
            continue
        outcome = play(step, server, clock, known)
        report.outcomes.append(outcome)
        body = outcome.answer
        if step.name and outcome.outcome in ("same", "differs"):
            known[step.name] = body
        if step.method == "POST" and outcome.status == 200 and isinstance(body, dict) and "id" in body:
            report.made.append((str(body.get("object")), str(body["id"])))
    return report


def play(step: Step, server: Server, clock: Clock, known: dict[str, Any]) -> Outcome:
    """Send one step and compare its answer."""
    try:
        path = REFERENCE.sub(lambda found: urllib.parse.quote(str(referred(found, known)), safe=""), step.path)
        params = filled(step.params, known)
        headers = filled(step.headers, known)
    except NoSuchValue as error:
        return Outcome(step, "not reached", (f"it needs {error}, which no earlier step gave",))
    if step.method == "POST" and path == "/v1/customers":
        params = clock.customer() | params
    status, body = server.send(step.method, path, params, headers)
    if status == 501:
        return Outcome(step, "not modelled", (short(body),), status, body)
    found = [] if status == step.status else [f"status {status} instead of {step.status} ({short(body)})"]
    found = found or differences(step, body, known)
    return Outcome(step, "differs" if found else "same", tuple(found), status, body)

"""Results of the steps of the checkout jobs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stripe_sync.warehouse.step_results import StepResult


@dataclass(frozen=True, kw_only=True)
class OpenedCheckout(StepResult):
    """A Checkout Session by its id, its page, its subscription in Stigg, and when it expires (Unix seconds).

    ``note`` says what was requested and is not sold: a trial.
    """

    step = "checkout"
    flat = ()
    session: str
    url: str
    subscription: str
    expires_at: int
    note: str | None = None


@dataclass(frozen=True, kw_only=True)
class CompletedCheckouts(StepResult):
    """States of Checkout Sessions by id: ``provisioned``, ``expired`` or ``open``."""

    step = "complete_checkout"
    flat = ()
    sessions: Mapping[str, str]

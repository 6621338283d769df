"""The public Python API: plan, apply, checkout and portal of one environment, and its tables as DataFrames.

Everything runs through the jobs that the command line and Airflow run: the same guards, leases, approvals and journal.
Errors are those of ``stripe_sync.core.errors``; each names the object, the rule and the way out.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from types import MappingProxyType
from typing import Literal

from stripe_sync.core.clock import from_epoch
from stripe_sync.core.errors import ConfigurationError
from stripe_sync.core.lanes import Lane
from stripe_sync.core.money import Amounts
from stripe_sync.domain.plan.guards import Decision
from stripe_sync.jobs.checkout import portal
from stripe_sync.jobs.checkout.steps.checkout import checkout, complete_checkout
from stripe_sync.jobs.reconcile.job import RECONCILE
from stripe_sync.jobs.runtime.context import ConnectionOf, Progress, Run, Session, from_environ, quiet, start_run
from stripe_sync.jobs.runtime.environment_session import session_for
from stripe_sync.jobs.runtime.results.reconcile import Applied, Asked
from stripe_sync.jobs.runtime.run_params import GivenParams
from stripe_sync.jobs.runtime.runner import run_job, run_until
from stripe_sync.jobs.runtime.step import find_result
from stripe_sync.reporting import datasets
from stripe_sync.reporting.datasets import Dataset, TableReader
from stripe_sync.warehouse.plans import plans
from stripe_sync.warehouse.plans.plans import StoredPlan

__all__ = [
    "AppliedPlan",
    "BillingEnvironment",
    "CheckoutOutcome",
    "CheckoutPage",
    "Plan",
    "PlannedAction",
    "open_environment",
]


@dataclass(frozen=True)
class PlannedAction:
    """One write of a plan. ``decision`` is that of its group.

    ``due_now`` and ``per_month`` are minor units by currency code in lower case.
    """

    hash: str
    lane: Lane
    kind: str
    target: str
    sentence: str
    decision: Decision
    due_now: Amounts
    per_month: Amounts


@dataclass(frozen=True)
class Plan:
    """An immutable list of writes, in the order in which they are made. ``planned_at`` is UTC."""

    hash: str
    run_id: str
    planned_at: datetime
    actions: tuple[PlannedAction, ...]


@dataclass(frozen=True)
class AppliedPlan:
    """The end of an applied plan: the number of writes by result (done, waiting, refused ...).

    ``approvals`` are the hashes of the requests that this run made; people answer them in Airflow or by the command line.
    """

    run_id: str
    plan: str
    results: Mapping[str, int]
    approvals: tuple[str, ...]


@dataclass(frozen=True)
class CheckoutPage:
    """An open Checkout Session, and the id that the Stigg subscription will have; ``note`` names a trial that is not sold."""

    session: str
    url: str
    subscription: str
    expires_at: datetime  # UTC
    note: str = ""


class CheckoutOutcome(Enum):
    """The state of a checkout after an attempt to complete it; an open one is not paid yet."""

    PROVISIONED = "provisioned"
    EXPIRED = "expired"
    OPEN = "open"


class BillingEnvironment:
    """One Stigg environment and one Stripe account, as ``open_environment`` gives it.

    Each call reads its table again: ``drift()`` is a DataFrame, ``drift(chunks=50_000)`` an iterator of DataFrames.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self.drift = self._reader(datasets.DRIFT)
        self.usage_ledger = self._reader(datasets.USAGE_LEDGER)
        self.usage_movements = self._reader(datasets.USAGE_MOVEMENTS)
        self.invoice_audit = self._reader(datasets.INVOICE_AUDIT)
        self.statuses = self._reader(datasets.STATUSES)
        self.plans = self._reader(datasets.PLANS)

    @property
    def name(self) -> str:
        """Return the environment's name in the settings."""
        return self._session.environment.name

    def now(self) -> datetime:
        """Read the environment's clock, UTC."""
        return self._session.clock.now()

    def plan(self, *, customers: Sequence[str] = (), full: bool = False) -> Plan:
        """Read both sides and plan the writes; nothing is written. ``full`` reads all of Stripe instead of its events.

        With ``customers`` (Stigg ids) the plan is about these alone.
        """
        run = self._start({"entities": [], "customers": list(customers), "full": full})
        run_until(self._session, run, RECONCILE, "plan")
        return _plan_of(self._stored_plan(run))

    def apply(self, plan: Plan | None = None) -> AppliedPlan:
        """Write a plan as far as modes and limits allow, verify it and report it; without one, plan first.

        Applying a plan again gives its first result. Raises StripeSyncError if the run stops.
        """
        run = start_run(self._session, plan.run_id) if plan else self._start({})
        run_job(self._session, run, RECONCILE)
        applied, requests = find_result(self._session, run, Applied), find_result(self._session, run, Asked)
        return AppliedPlan(
            run_id=run.id,
            plan=self._stored_plan(run).plan.hash,
            results=dict(applied.summary.results) if applied else {},
            approvals=tuple(requests.asked) if requests else (),
        )

    def checkout(
        self,
        *,
        customer: str,
        plan: str,
        success_url: str,
        subscription: str = "",
        cancel_url: str = "",
        period: Literal["MONTHLY", "ANNUALLY"] = "MONTHLY",
        quantities: Mapping[str, int] = MappingProxyType({}),
        addons: Mapping[str, int] = MappingProxyType({}),
        coupon: str = "",
        country: str = "",
        resource: str = "",
        trial_days: int | None = None,
    ) -> CheckoutPage:
        """Open a Checkout Session for a customer and a plan (Stigg ids); ``quantities`` are committed units by feature.

        ``subscription`` is the id that Stigg's subscription will have: the same id gives the same page. ``success_url`` may
        hold ``{CHECKOUT_SESSION_ID}``. No page sells a trial yet: ``trial_days``, or the plan's own trial if it is
        None, only make the ``note`` of the page. Raises ConfigurationError for what cannot be sold, FatalError if Stripe
        refuses it.
        """
        request = {
            "customer": customer,
            "plan": plan,
            "success_url": success_url,
            "cancel_url": cancel_url,
            "period": period,
            "quantities": dict(quantities),
            "addons": dict(addons),
            "coupon": coupon,
            "country": country,
            "resource": resource,
            "trial_days": trial_days,
            "subscription": subscription,
        }
        page = checkout(self._session, self._start({"request": request}))
        return CheckoutPage(page.session, page.url, page.subscription, from_epoch(page.expires_at), page.note or "")

    def complete_checkout(self, session: str) -> CheckoutOutcome:
        """Provision in Stigg the subscription of a paid Checkout Session; a second call changes nothing.

        Raises NotReady while it is not paid, ConfigurationError for a session of others.
        """
        return self._complete(session)[session]

    def complete_checkouts(self) -> Mapping[str, CheckoutOutcome]:
        """Complete every open Checkout Session; return their outcomes by session id."""
        return self._complete("")

    def portal_link(self, customer: str, *, return_url: str = "") -> str:
        """Return a short-lived URL of the billing portal for a customer (Stigg id).

        Raises ConfigurationError for a customer without a link to Stripe.
        """
        return portal.link(self._session, customer, return_url=return_url).url

    def _reader(self, dataset: Dataset) -> TableReader:
        return TableReader(self._session.engine, self._session.environment.name, dataset)

    def _complete(self, session: str) -> dict[str, CheckoutOutcome]:
        completed = complete_checkout(self._session, self._start({"session": session}))
        return {id: CheckoutOutcome(outcome) for id, outcome in completed.sessions.items()}

    def _start(self, params: GivenParams) -> Run:
        return start_run(self._session, f"api-{uuid.uuid4().hex[:12]}", params)

    def _stored_plan(self, run: Run) -> StoredPlan:
        stored = plans.of_run(self._session.engine, self.name, run.id)
        if stored is None:
            raise ConfigurationError(f"The run {run.id} of {self.name} stored no plan; plan again.")
        return stored


@contextmanager
def open_environment(
    name: str, *, connection_of: ConnectionOf = from_environ, progress: Progress = quiet
) -> Iterator[BillingEnvironment]:
    """Open an environment of the settings file; clients and warehouse are closed at the end.

    Settings, warehouse and connections are those of the command line (STRIPE_SYNC_CONFIG, STRIPE_SYNC_WAREHOUSE_URL,
    AIRFLOW_CONN_ID); ``connection_of`` reads connections from elsewhere. Raises ConfigurationError.
    """
    with session_for(name, environ=os.environ, connection_of=connection_of, progress=progress) as session:
        yield BillingEnvironment(session)


def _plan_of(stored: StoredPlan) -> Plan:
    decisions = {group.group: group.decision for group in stored.guard_results}
    actions = tuple(
        PlannedAction(a.hash, a.lane, a.kind, a.target, a.sentence, decisions[a.group], a.due_now, a.per_month)
        for a in stored.plan.actions
    )
    return Plan(stored.plan.hash, stored.run_id, stored.planned_at, actions)

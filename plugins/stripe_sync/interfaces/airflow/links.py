"""Operator links of tasks: to the pages of their run, and to Stripe's dashboard.

A worker writes their URLs when a task has ended; this sends no request.
"""

from __future__ import annotations

from typing import Any, TypeVar
from urllib.parse import quote

import attrs
from airflow.sdk import BaseOperatorLink

from stripe_sync.core.config import settings
from stripe_sync.interfaces.airflow.paths import PREFIX, base_path
from stripe_sync.jobs.runtime.step_list import Page

Task = TypeVar("Task")


@attrs.define()
class PageLink(BaseOperatorLink):
    """A page of this package. ``path`` may contain ``{run}``."""

    title: str
    path: str

    @property
    def name(self) -> str:
        return self.title

    @property
    def xcom_key(self) -> str:
        return f"_link_{self.title.lower()}"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        environment = quote(ti_key.dag_id.partition("__")[2], safe="")
        return f"{base_path()}{PREFIX}/{environment}/{self.path.format(run=quote(ti_key.run_id, safe=''))}"


@attrs.define()
class StripeLink(BaseOperatorLink):
    """Stripe's dashboard in the account and mode of the environment."""

    @property
    def name(self) -> str:
        return "Stripe"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        chosen = settings.environment(ti_key.dag_id.partition("__")[2])
        return f"{chosen.dashboard(chosen.stripe_account)}/dashboard"


LINKS: dict[Page, BaseOperatorLink] = {
    Page.PLAN: PageLink("Plan", "plans/{run}"),
    Page.DRIFT: PageLink("Drift", ""),
    Page.USAGE: PageLink("Usage", "usage"),
    Page.REPORTS: PageLink("Reports", "reports"),
    Page.STRIPE: StripeLink(),
}


def add_links(task: Task, *links: BaseOperatorLink) -> Task:
    """Add operator links to a task, and return it."""
    task.operator.operator_extra_links = links  # type: ignore[attr-defined]
    return task

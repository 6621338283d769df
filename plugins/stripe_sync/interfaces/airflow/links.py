"""Buttons on tasks in Airflow: to the plan, the drift and the usage of their run on our pages, and to Stripe's dashboard.

A worker writes where they lead when a task has ended; nothing is asked for that.
"""

from __future__ import annotations

from typing import Any, TypeVar
from urllib.parse import quote

import attrs
from airflow.sdk import BaseOperatorLink

from stripe_sync.core.config import settings
from stripe_sync.interfaces.airflow.place import PREFIX, base_path
from stripe_sync.jobs.runtime.step_list import Page

Task = TypeVar("Task")


@attrs.define()
class PageLink(BaseOperatorLink):
    """One of our pages. ``path`` may name the ``{run}``."""

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
    """Stripe's dashboard, of the account and the mode that the environment writes to."""

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


def linked(task: Task, *links: BaseOperatorLink) -> Task:
    """Give a task of a DAG its buttons, and return it."""
    task.operator.operator_extra_links = links  # type: ignore[attr-defined]
    return task

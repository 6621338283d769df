"""The drift report for finance: what differs and since when, what it is worth, what usage waits, what was repaired.

One DAG an environment, named `report__<environment>`, daily (`report_schedule`). It writes nothing in Stripe or Stigg. The
report is one HTML page that opens offline, a workbook, CSV and JSON, in `report_path` (any object store that Airflow has a
connection for) or beside the worker; `report_emails` get it by e-mail.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import Param, dag, task

from stripe_sync.core import settings
from stripe_sync.interfaces.airflow.wiring import DEFAULTS, asset, common, told

PARAMS = {
    "month": Param(
        "", type="string", pattern=r"^(\d{4}-\d{2})?$", description="Audit this month anew, such as 2026-10."
    ),
    "names": Param(default=False, type="boolean", description="Show customers' names and e-mail addresses."),
}


def report(environment: str, heading: dict[str, Any]) -> None:
    """The DAG of one environment."""

    @dag(
        **common("report", environment, heading, __doc__),
        schedule=heading["report_schedule"] if heading["schedule"] else None,
        max_active_runs=1,
        allowed_run_types=["scheduled", "manual"],
        params=PARAMS,
        default_args=DEFAULTS,
    )
    def wiring() -> None:
        from stripe_sync.interfaces.airflow.links import REPORTS, linked
        from stripe_sync.interfaces.airflow.mail import send
        from stripe_sync.interfaces.airflow.steps import call, folder

        @task
        def audit_month() -> Any:
            return call(environment, "audit_month")

        @task
        def read_portal() -> Any:
            return call(environment, "read_portal")

        last = {} if heading["report_emails"] else told(environment, heading)

        @task(outlets=[asset(environment, "report")], **last)
        def publish() -> Any:
            return call(environment, "publish", outlet="report", folder=folder(environment, heading))

        published = linked(publish(), REPORTS)
        [audit_month(), read_portal()] >> published
        if heading["report_emails"]:

            @task(**told(environment, heading))
            def email(published: Any) -> None:
                send(environment, heading["report_emails"], published)

            email(published)

    wiring()


for name, heading in settings.readable_headings().items():
    report(name, heading)

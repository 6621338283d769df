"""Steps of the report job. The report reads the warehouse; only the audit and the portal step read Stripe."""

from __future__ import annotations

from stripe_sync.jobs.runtime.step_list import Job, Page, Step

REPORT = Job(
    "report",
    (
        Step(name="audit_month", function="finance.steps.publish:audit_month"),
        Step(name="read_portal", function="checkout.portal:read_portal"),
        Step(
            name="publish",
            function="finance.steps.publish:publish",
            after=("audit_month", "read_portal"),
            asset="report",
            pages=(Page.REPORTS,),
        ),
    ),
)

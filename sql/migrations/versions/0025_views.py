"""One view per question: the files of ``sql/views``. The function of open drift has the name of its view."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0025"
down_revision = "0024"
VIEWS = Path(__file__).parents[2] / "views"
IN_ORDER = (
    "usage_windows", "usage_ledger", "usage_movements", "draft_holds", "invoice_audit", "statuses", "status_counts",
    "plan_actions", "plan_groups", "writes", "open_drift",
)  # fmt: skip


def upgrade() -> None:
    op.execute("drop view usage_now; alter function unrepaired(bigint) rename to open_drift_at")
    for name in IN_ORDER:
        text = (VIEWS / f"{name}.sql").read_text(encoding="utf-8")
        op.get_bind().exec_driver_sql(f"create view {name} as\n{text}".replace("%", "%%"))


def downgrade() -> None:
    raise NotImplementedError("This migration is not undone; restore a back-up instead.")

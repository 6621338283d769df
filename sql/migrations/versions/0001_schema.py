"""The schema: tables, triggers and functions of 0001_schema.sql, and one view per file of ``sql/views``."""

from __future__ import annotations

from pathlib import Path

from alembic import context, op

from stripe_sync.warehouse.schema import qualified

revision = "0001"
down_revision = None
VIEWS = (  # in order: some read others
    "usage_windows", "usage_ledger", "usage_movements", "draft_holds", "invoice_audit", "statuses", "status_counts",
    "plan_actions", "plan_groups", "writes", "open_drift",
)  # fmt: skip


def upgrade() -> None:
    schema = context.config.attributes["schema"]
    op.execute(qualified(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"), schema))
    for view in VIEWS:
        text = (Path(__file__).parents[2] / "views" / f"{view}.sql").read_text(encoding="utf-8")
        op.execute(qualified(f"create view stripe_sync.{view} as\n{text}", schema))


def downgrade() -> None:
    raise NotImplementedError("The first migration is not undone; restore a backup instead.")

"""What the finance report and the pages read: the open drift of an environment, and the audits of its months."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    indexes = "status_by_state status_by_stripe_id run_newest plan_newest comparison_newest journal_intent_of_target "
    indexes += "journal_intent_of_entity journal_intent_of_serial journal_intent_of_run"
    op.execute("drop table audit; drop table audit_of_month; drop view drift_now")
    op.execute(f"drop index {', '.join(indexes.split())}")

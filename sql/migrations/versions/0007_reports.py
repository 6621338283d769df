"""What the finance report and the pages read: the open drift of an environment, and the audits of its months."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    op.execute("drop table audit; drop table audit_of_month; drop view drift_now; drop index journal_intent_of_run")

"""What was decided stands while nothing that decides has changed."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    op.execute(
        "drop index journal_outcome_newest; drop index station_newest; drop index link_ended; drop index link_newest; drop index comparison_documents; alter table comparison "
        "drop column inputs, drop column decided_at, drop column wakes_at, drop column statuses, drop column documents_of; "
        "drop table difference"
    )

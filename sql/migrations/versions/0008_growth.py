"""What is read stays in proportion as comparisons and the journal grow: an index, and a view that looks outcomes up."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    op.execute("drop index document_of_comparison")  # the view stays: the one before gave the same rows

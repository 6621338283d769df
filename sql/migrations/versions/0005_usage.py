"""Usage: the charges that are open, their windows, what was read of them, and where their quantities are."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    op.execute("drop view usage_now")
    for table in ("usage_hold", "usage_invoice", "usage_entry", "usage_reading", "usage_window", "usage_opening"):
        op.execute(f"drop table {table}")

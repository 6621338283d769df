"""Approvals, rows that fail again and again, and a budget that slows down when Stripe asks."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    raise NotImplementedError("Restore a back-up instead: approvals that people gave would be lost.")

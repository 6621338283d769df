"""The events feed of Stripe: how far it was read, what was seen in it, and the answers of our own writes."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    op.execute("drop table feed; drop table seen_event; drop table own_answer")

"""The outcome of a repair is looked up by its intent, so that the drift of one entity reads no whole journal."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    """The view stays as it is: the one before gave the same rows."""

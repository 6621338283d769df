"""What changed is decided anew, a family at a time; documents are versioned as mirrors are."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    raise NotImplementedError("Documents have versions from here on; restore the back-up that was made before.")

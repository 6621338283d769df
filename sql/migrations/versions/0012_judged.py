"""What differs keeps its statuses as rows and not in one value, which a big account would not fit in."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    raise NotImplementedError("Statuses are rows from here on; restore the back-up that was made before.")

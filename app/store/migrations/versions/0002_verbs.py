"""What a user asked of a run: to pause, and which verb queued it again."""

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"


def upgrade() -> None:
    """Add the columns; on SQLite in place, since copying the table would drop what hangs on it."""
    op.add_column("runs", sa.Column("pause_requested_at", sa.Float(), nullable=True))
    op.add_column("runs", sa.Column("queued_by", sa.String(length=8), nullable=True))


def downgrade() -> None:
    """Drop them."""
    op.drop_column("runs", "queued_by")
    op.drop_column("runs", "pause_requested_at")

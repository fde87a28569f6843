"""Which attempt's files hold which rows of a run.

What was recorded before stays where it is: rows before the first segment are read from the run's
own folder.
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0006"
down_revision: str | None = "0005"


def upgrade() -> None:
    """Add the column, with nothing in it."""
    op.add_column("runs", sa.Column("segments", sa.Text(), nullable=False, server_default="[]"))


def downgrade() -> None:
    """Drop it; what attempts have recorded in folders of their own is not found any more."""
    op.drop_column("runs", "segments")

"""Runs that are trained side by side."""

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | None = "0004"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "ensemble_runs",
        sa.Column("ensemble_id", sa.String(length=36), nullable=False),
        sa.Column("place", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("run_id", sa.String(length=36), nullable=True),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runs.id"], name=op.f("fk_ensemble_runs_run_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("ensemble_id", "place", name=op.f("pk_ensemble_runs")),
        sa.UniqueConstraint("run_id", name=op.f("uq_ensemble_runs_run_id")),
    )


def downgrade() -> None:
    """Remove it; the runs stay."""
    op.drop_table("ensemble_runs")

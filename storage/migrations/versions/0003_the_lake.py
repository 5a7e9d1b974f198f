"""the lake."""

import sqlalchemy as sa
from alembic import op

import storage.columns

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema forward; there is no way back (the audit log must never be dropped)."""
    op.create_table(
        "delivery",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("dialect", sa.String(), nullable=True),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("at", storage.columns.Utc(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("rejected", sa.Integer(), nullable=False),
        sa.Column("snapshots", storage.columns.Document(), nullable=False),
        sa.Column("problems", storage.columns.Document(), nullable=False),
        sa.Column("invoices", storage.columns.Document(), nullable=False),
        sa.Column("quarantined", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery")),
    )
    op.create_index("ix_delivery_source_at", "delivery", ["source", "at"], unique=False)
    op.create_table(
        "watched",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("condition", sa.String(), nullable=False),
        sa.Column("since", storage.columns.Utc(), nullable=False),
        sa.Column("details", storage.columns.Document(), nullable=False),
        sa.PrimaryKeyConstraint("source", "condition", name=op.f("pk_watched")),
    )
    op.create_table(
        "estimate",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("hour", storage.columns.Utc(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("region", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("team", sa.String(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("unit_price", storage.columns.Money(), nullable=False),
        sa.Column("amount", storage.columns.Money(), nullable=False),
        sa.Column("priced_by", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("billed", storage.columns.Money(), nullable=True),
        sa.Column("reconciled_at", storage.columns.Utc(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_estimate")),
        sa.UniqueConstraint(
            "hour",
            "account",
            "region",
            "kind",
            "unit",
            "team",
            "currency",
            name=op.f("uq_estimate_hour_account_region_kind_unit_team_currency"),
        ),
    )
    op.create_index(op.f("ix_estimate_hour"), "estimate", ["hour"], unique=False)
    with op.batch_alter_table("snapshot") as batch:
        batch.drop_constraint(op.f("ck_snapshot_state"), type_="check")
        batch.create_check_constraint(
            op.f("ck_snapshot_state"), "state IN ('current', 'superseded', 'collected')"
        )

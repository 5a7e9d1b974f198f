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
        sa.Column("day", sa.Date(), nullable=True),
        sa.Column("snapshots", storage.columns.Document(), nullable=False),
        sa.Column("problems", storage.columns.Document(), nullable=False),
        sa.Column("invoices", storage.columns.Document(), nullable=False),
        sa.Column("quarantined", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery")),
    )
    op.create_index("ix_delivery_source_at", "delivery", ["source", "at"], unique=False)
    op.create_table(
        "watched",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("condition", sa.String(), nullable=False),
        sa.Column("bill", sa.String(), nullable=False),
        sa.Column("since", storage.columns.Utc(), nullable=False),
        sa.Column("details", storage.columns.Document(), nullable=False),
        sa.Column("told_at", storage.columns.Utc(), nullable=False),
        sa.Column("ended_at", storage.columns.Utc(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_watched")),
    )
    op.create_index(
        "uq_watched_on",
        "watched",
        ["source", "condition", "bill"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "invoice",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("invoice", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("amount", storage.columns.Money(), nullable=False),
        sa.Column("told_by", sa.String(), nullable=False),
        sa.Column("told_at", storage.columns.Utc(), nullable=False),
        sa.Column("delivery", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("source", "invoice", "currency", name=op.f("pk_invoice")),
    )
    op.create_table(
        "estimate",
        sa.Column("hour", storage.columns.Utc(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("lines", storage.columns.Document(), nullable=False),
        sa.Column("unpriced", storage.columns.Document(), nullable=False),
        sa.Column("looked_at", storage.columns.Utc(), nullable=False),
        sa.PrimaryKeyConstraint("hour", "account", name=op.f("pk_estimate")),
    )
    op.create_table(
        "reckoned",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("hours", sa.Integer(), nullable=False),
        sa.Column("estimated", storage.columns.Money(), nullable=False),
        sa.Column("billed", storage.columns.Money(), nullable=False),
        sa.Column("bill", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("day", "account", "currency", name=op.f("pk_reckoned")),
    )
    with op.batch_alter_table("snapshot") as batch:
        batch.drop_constraint(op.f("ck_snapshot_state"), type_="check")
        batch.create_check_constraint(
            op.f("ck_snapshot_state"), "state IN ('staged', 'current', 'superseded', 'collected')"
        )
        batch.add_column(sa.Column("since", storage.columns.Utc(), nullable=True))
    # A snapshot was superseded when the last one of its bill was published, or before that.
    op.execute(
        "UPDATE snapshot SET since = (SELECT max(other.published_at) FROM snapshot AS other"
        " WHERE other.source = snapshot.source AND other.billing_account = snapshot.billing_account"
        " AND other.billing_period = snapshot.billing_period)"
    )
    with op.batch_alter_table("snapshot") as batch:
        batch.alter_column("since", nullable=False)
        batch.create_index("ix_snapshot_state_since", ["state", "since"], unique=False)

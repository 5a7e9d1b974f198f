"""the safety core."""

import sqlalchemy as sa
from alembic import op

import storage.columns

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema forward; there is no way back (the audit log must never be dropped)."""
    op.create_table(
        "checkpoint",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("head", sa.String(), nullable=False),
        sa.Column("at", storage.columns.Utc(), nullable=False),
        sa.Column("previous", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("next_key", sa.String(), nullable=True),
        sa.Column("signature", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_checkpoint")),
        sa.UniqueConstraint("hash", name=op.f("uq_checkpoint_hash")),
        sa.UniqueConstraint("previous", name=op.f("uq_checkpoint_previous")),
    )
    op.create_index(op.f("ix_checkpoint_size"), "checkpoint", ["size"], unique=False)
    op.create_table(
        "incident",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("opened_at", storage.columns.Utc(), nullable=False),
        sa.Column("told_at", storage.columns.Utc(), nullable=False),
        sa.Column("closed_at", storage.columns.Utc(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident")),
    )
    op.create_table(
        "keep",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("team", sa.String(), nullable=True),
        sa.Column("until", storage.columns.Utc(), nullable=False),
        sa.Column("said_by", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("at", storage.columns.Utc(), nullable=False),
        sa.Column("plan", sa.String(), nullable=True),
        sa.Column("overridden_by", sa.String(), nullable=True),
        sa.Column("override_reason", sa.String(), nullable=True),
        sa.Column("overridden_at", storage.columns.Utc(), nullable=True),
        sa.CheckConstraint("state IN ('held', 'overridden', 'ended')", name=op.f("ck_keep_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_keep")),
    )
    op.create_index(op.f("ix_keep_state"), "keep", ["state"], unique=False)
    op.create_index(op.f("ix_keep_target"), "keep", ["target"], unique=False)
    op.create_index(
        "uq_keep_held",
        "keep",
        ["target"],
        unique=True,
        sqlite_where=sa.text("state = 'held'"),
        postgresql_where=sa.text("state = 'held'"),
    )
    op.create_table(
        "member",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("counts", sa.Boolean(), nullable=False),
        sa.Column("why", sa.String(), nullable=True),
        sa.Column("at", storage.columns.Utc(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_member")),
    )
    op.create_table(
        "membership",
        sa.Column("group", sa.String(), nullable=False),
        sa.Column("members", storage.columns.Document(), nullable=False),
        sa.Column("at", storage.columns.Utc(), nullable=False),
        sa.PrimaryKeyConstraint("group", name=op.f("pk_membership")),
    )
    op.create_table(
        "person",
        sa.Column("pseudonym", sa.String(), nullable=False),
        sa.Column("member", sa.String(), nullable=True),
        sa.Column("since", storage.columns.Utc(), nullable=False),
        sa.Column("forgotten_at", storage.columns.Utc(), nullable=True),
        sa.PrimaryKeyConstraint("pseudonym", name=op.f("pk_person")),
        sa.UniqueConstraint("member", name=op.f("uq_person_member")),
    )
    op.create_table(
        "reading",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("at", storage.columns.Utc(), nullable=False),
        sa.PrimaryKeyConstraint("source", name=op.f("pk_reading")),
    )
    op.create_table(
        "recovery",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("fork", storage.columns.Document(), nullable=False),
        sa.Column("at", storage.columns.Utc(), nullable=False),
        sa.Column("first", sa.String(), nullable=True),
        sa.Column("second", sa.String(), nullable=True),
        sa.Column("resumed_at", storage.columns.Utc(), nullable=True),
        sa.CheckConstraint("state IN ('waiting', 'resumed')", name=op.f("ck_recovery_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recovery")),
    )
    op.create_index(op.f("ix_recovery_state"), "recovery", ["state"], unique=False)
    op.create_table(
        "standing",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("content", storage.columns.Document(), nullable=False),
        sa.Column("runbook", sa.String(), nullable=False),
        sa.Column("requested_by", sa.String(), nullable=False),
        sa.Column("until", storage.columns.Utc(), nullable=False),
        sa.Column("created_at", storage.columns.Utc(), nullable=False),
        sa.Column("ended_at", storage.columns.Utc(), nullable=True),
        sa.Column("ended_by", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("reminded", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "state IN ('pending', 'active', 'denied', 'expired', 'revoked')", name=op.f("ck_standing_state")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_standing")),
    )
    op.create_index(op.f("ix_standing_runbook"), "standing", ["runbook"], unique=False)
    op.create_index(op.f("ix_standing_state"), "standing", ["state"], unique=False)
    op.create_table(
        "used_code",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("at", storage.columns.Utc(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_used_code")),
    )
    op.create_table(
        "anchor",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("checkpoint", sa.Integer(), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("at", storage.columns.Utc(), nullable=False),
        sa.ForeignKeyConstraint(["checkpoint"], ["checkpoint.number"], name=op.f("fk_anchor_checkpoint")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_anchor")),
    )
    op.create_index(op.f("ix_anchor_checkpoint"), "anchor", ["checkpoint"], unique=False)
    op.create_table(
        "reservation",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("plan", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("standing", sa.String(), nullable=True),
        sa.Column("targets", sa.Integer(), nullable=False),
        sa.Column("amount", storage.columns.Money(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("fleets", storage.columns.Document(), nullable=False),
        sa.Column("at", storage.columns.Utc(), nullable=False),
        sa.Column("settled_at", storage.columns.Utc(), nullable=True),
        sa.CheckConstraint("state IN ('reserved', 'settled', 'released')", name=op.f("ck_reservation_state")),
        sa.ForeignKeyConstraint(["plan"], ["plan.id"], name=op.f("fk_reservation_plan")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reservation")),
        sa.UniqueConstraint("plan", name=op.f("uq_reservation_plan")),
    )
    op.create_index(op.f("ix_reservation_day"), "reservation", ["day"], unique=False)
    op.create_index(op.f("ix_reservation_standing"), "reservation", ["standing"], unique=False)
    op.create_index(op.f("ix_reservation_state"), "reservation", ["state"], unique=False)
    op.create_table(
        "standing_vote",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("standing", sa.String(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("decision", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("proof", storage.columns.Document(), nullable=True),
        sa.Column("at", storage.columns.Utc(), nullable=False),
        sa.ForeignKeyConstraint(["standing"], ["standing.id"], name=op.f("fk_standing_vote_standing")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_standing_vote")),
        sa.UniqueConstraint("standing", "person", name=op.f("uq_standing_vote_standing_person")),
    )
    op.create_table(
        "warned",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("plan", sa.String(), nullable=False),
        sa.Column("team", sa.String(), nullable=False),
        sa.Column("targets", storage.columns.Document(), nullable=False),
        sa.Column("at", storage.columns.Utc(), nullable=False),
        sa.Column("ends_at", storage.columns.Utc(), nullable=False),
        sa.Column("answered_by", sa.String(), nullable=True),
        sa.Column("answered_at", storage.columns.Utc(), nullable=True),
        sa.CheckConstraint(
            "state IN ('open', 'fine', 'kept', 'not_mine', 'passed')", name=op.f("ck_warned_state")
        ),
        sa.ForeignKeyConstraint(["plan"], ["plan.id"], name=op.f("fk_warned_plan")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_warned")),
        sa.UniqueConstraint("plan", "team", name=op.f("uq_warned_plan_team")),
    )
    op.create_index(op.f("ix_warned_state"), "warned", ["state"], unique=False)
    op.add_column("inbox", sa.Column("body", storage.columns.Document(), nullable=True))
    op.add_column("outbox", sa.Column("begun_at", storage.columns.Utc(), nullable=True))
    op.add_column("plan", sa.Column("not_before", storage.columns.Utc(), nullable=True))
    op.add_column("plan", sa.Column("next_wave_at", storage.columns.Utc(), nullable=True))
    op.add_column("plan", sa.Column("waits_for", sa.String(), nullable=True))
    op.add_column("plan", sa.Column("standing", sa.String(), nullable=True))
    op.create_index(op.f("ix_plan_standing"), "plan", ["standing"], unique=False)
    op.add_column("step", sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.add_column("surface", sa.Column("updated_at", storage.columns.Utc(), nullable=True))
    op.add_column("vote", sa.Column("proof", storage.columns.Document(), nullable=True))

"""the first schema."""

import sqlalchemy as sa
from alembic import op

import storage.columns

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema forward; there is no way back (the audit log must never be dropped)."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(sa.schema.CreateSequence(sa.Sequence("outbox_number")))
    op.create_table(
        "audit",
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", storage.columns.Utc(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("before", storage.columns.Document(), nullable=True),
        sa.Column("after", storage.columns.Document(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("plan_hash", sa.String(), nullable=True),
        sa.Column("runbook_hash", sa.String(), nullable=True),
        sa.Column("app_version", sa.String(), nullable=False),
        sa.Column("prev_hash", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit")),
        sa.UniqueConstraint("hash", name=op.f("uq_audit_hash")),
        sa.UniqueConstraint("prev_hash", name=op.f("uq_audit_prev_hash")),
    )
    op.create_index(op.f("ix_audit_event"), "audit", ["event"], unique=False)
    op.create_index(op.f("ix_audit_subject"), "audit", ["subject"], unique=False)
    op.create_table(
        "digest",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("team", sa.String(), nullable=False),
        sa.Column("week", sa.Date(), nullable=False),
        sa.Column("figures", storage.columns.Document(), nullable=False),
        sa.Column("published_at", storage.columns.Utc(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_digest")),
        sa.UniqueConstraint("team", "week", name=op.f("uq_digest_team_week")),
    )
    op.create_table(
        "dispute",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("team", sa.String(), nullable=False),
        sa.Column("opened_by", sa.String(), nullable=False),
        sa.Column("opened_at", storage.columns.Utc(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("proposed_team", sa.String(), nullable=True),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("selection", storage.columns.Document(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("effective", storage.columns.Money(), nullable=False),
        sa.Column("billed", storage.columns.Money(), nullable=False),
        sa.Column("ruled_by", sa.String(), nullable=True),
        sa.Column("ruled_at", storage.columns.Utc(), nullable=True),
        sa.Column("ruling", storage.columns.Document(), nullable=True),
        sa.CheckConstraint(
            "state IN ('open', 'upheld', 'rejected', 'split', 'withdrawn')", name=op.f("ck_dispute_state")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dispute")),
    )
    op.create_index(op.f("ix_dispute_state"), "dispute", ["state"], unique=False)
    op.create_index(op.f("ix_dispute_team"), "dispute", ["team"], unique=False)
    op.create_table(
        "finding",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("team", sa.String(), nullable=True),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("amount", storage.columns.Money(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("details", storage.columns.Document(), nullable=False),
        sa.Column("found_at", storage.columns.Utc(), nullable=False),
        sa.Column("answered_by", sa.String(), nullable=True),
        sa.CheckConstraint(
            "state IN ('open', 'investigating', 'expected', 'not_mine', 'resolved')",
            name=op.f("ck_finding_state"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_finding")),
    )
    op.create_index(op.f("ix_finding_state"), "finding", ["state"], unique=False)
    op.create_index(op.f("ix_finding_team"), "finding", ["team"], unique=False)
    op.create_index(
        "uq_finding_open",
        "finding",
        ["fingerprint"],
        unique=True,
        sqlite_where=sa.text("state IN ('open', 'investigating')"),
        postgresql_where=sa.text("state IN ('open', 'investigating')"),
    )
    op.create_table(
        "inbox",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("at", storage.columns.Utc(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_inbox")),
    )
    op.create_table(
        "job",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("args", storage.columns.Document(), nullable=True),
        sa.Column("due_at", storage.columns.Utc(), nullable=False),
        sa.Column("created_at", storage.columns.Utc(), nullable=False),
        sa.Column("ended_at", storage.columns.Utc(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("worker", sa.String(), nullable=True),
        sa.Column("epoch", sa.Integer(), nullable=True),
        sa.CheckConstraint("state IN ('pending', 'running', 'done', 'failed')", name=op.f("ck_job_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job")),
        sa.UniqueConstraint("kind", "key", name=op.f("uq_job_kind_key")),
    )
    op.create_index(op.f("ix_job_due_at"), "job", ["due_at"], unique=False)
    op.create_index(op.f("ix_job_state"), "job", ["state"], unique=False)
    op.create_table(
        "ledger",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("billing_account", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=True),
        sa.Column("service", sa.String(), nullable=True),
        sa.Column("category", sa.String(), nullable=False),
        sa.Column("charge_class", sa.String(), nullable=True),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("team", sa.String(), nullable=True),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("effective", storage.columns.Money(), nullable=False),
        sa.Column("billed", storage.columns.Money(), nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("reverses", sa.String(), nullable=True),
        sa.Column("dispute", sa.String(), nullable=True),
        sa.Column("snapshot", sa.String(), nullable=False),
        sa.Column("at", storage.columns.Utc(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger")),
        sa.UniqueConstraint("reverses", name=op.f("uq_ledger_reverses")),
    )
    op.create_index(op.f("ix_ledger_dispute"), "ledger", ["dispute"], unique=False)
    op.create_index(op.f("ix_ledger_origin"), "ledger", ["origin"], unique=False)
    op.create_index(op.f("ix_ledger_snapshot"), "ledger", ["snapshot"], unique=False)
    op.create_index("ix_ledger_team_day", "ledger", ["team", "day"], unique=False)
    op.create_table(
        "outbox",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=True),
        sa.Column("surface", sa.String(), nullable=True),
        sa.Column("thread", sa.String(), nullable=True),
        sa.Column("person", sa.String(), nullable=True),
        sa.Column("template", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("args", storage.columns.Document(), nullable=True),
        sa.Column("wanted", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", storage.columns.Utc(), nullable=False),
        sa.Column("created_at", storage.columns.Utc(), nullable=False),
        sa.Column("sent_at", storage.columns.Utc(), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.CheckConstraint("state IN ('pending', 'sent', 'dropped')", name=op.f("ck_outbox_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("number", name=op.f("uq_outbox_number")),
    )
    op.create_index(op.f("ix_outbox_due_at"), "outbox", ["due_at"], unique=False)
    op.create_index(op.f("ix_outbox_state"), "outbox", ["state"], unique=False)
    op.create_index(op.f("ix_outbox_surface"), "outbox", ["surface"], unique=False)
    op.create_index(
        "uq_outbox_pending_update",
        "outbox",
        ["kind", "surface"],
        unique=True,
        sqlite_where=sa.text("state = 'pending' AND kind IN ('update', 'view', 'home')"),
        postgresql_where=sa.text("state = 'pending' AND kind IN ('update', 'view', 'home')"),
    )
    op.create_table(
        "ownership",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("team", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=True),
        sa.Column("service", sa.String(), nullable=True),
        sa.Column("resource", sa.String(), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("claimed_by", sa.String(), nullable=False),
        sa.Column("claimed_at", storage.columns.Utc(), nullable=False),
        sa.CheckConstraint("state IN ('active', 'released')", name=op.f("ck_ownership_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ownership")),
    )
    op.create_index(op.f("ix_ownership_state"), "ownership", ["state"], unique=False)
    op.create_index(op.f("ix_ownership_team"), "ownership", ["team"], unique=False)
    op.create_table(
        "plan",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("content", storage.columns.Document(), nullable=False),
        sa.Column("runbook", sa.String(), nullable=False),
        sa.Column("team", sa.String(), nullable=True),
        sa.Column("approve_by", storage.columns.Utc(), nullable=False),
        sa.Column("execute_by", storage.columns.Utc(), nullable=False),
        sa.Column("undo_of", sa.String(), nullable=True),
        sa.Column("created_at", storage.columns.Utc(), nullable=False),
        sa.Column("ended_at", storage.columns.Utc(), nullable=True),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("worker", sa.String(), nullable=True),
        sa.Column("epoch", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "state IN ('pending', 'approved', 'running', 'succeeded', 'partial', 'failed', 'halted', 'denied', 'expired', 'cancelled', 'stale')",
            name=op.f("ck_plan_state"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan")),
    )
    op.create_index(op.f("ix_plan_state"), "plan", ["state"], unique=False)
    op.create_index(op.f("ix_plan_team"), "plan", ["team"], unique=False)
    op.create_index(op.f("ix_plan_undo_of"), "plan", ["undo_of"], unique=False)
    op.create_table(
        "schedule",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("job", sa.String(), nullable=False),
        sa.Column("days", sa.String(), nullable=False),
        sa.Column("at", sa.String(), nullable=False),
        sa.Column("zone", sa.String(), nullable=False),
        sa.Column("args", storage.columns.Document(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_schedule")),
    )
    op.create_table(
        "snapshot",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("billing_account", sa.String(), nullable=False),
        sa.Column("billing_period", sa.Date(), nullable=False),
        sa.Column("content", sa.String(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("rejected", sa.Integer(), nullable=False),
        sa.Column("warnings", storage.columns.Document(), nullable=False),
        sa.Column("totals", storage.columns.Document(), nullable=False),
        sa.Column("files", storage.columns.Document(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("allocated", sa.Boolean(), nullable=False),
        sa.Column("published_at", storage.columns.Utc(), nullable=False),
        sa.CheckConstraint("state IN ('current', 'superseded')", name=op.f("ck_snapshot_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_snapshot")),
    )
    op.create_index(op.f("ix_snapshot_state"), "snapshot", ["state"], unique=False)
    op.create_index(
        "uq_snapshot_current",
        "snapshot",
        ["source", "billing_account", "billing_period"],
        unique=True,
        sqlite_where=sa.text("state = 'current'"),
        postgresql_where=sa.text("state = 'current'"),
    )
    op.create_table(
        "surface",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("ts", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_surface")),
    )
    op.create_table(
        "switch",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("on", sa.Boolean(), nullable=False),
        sa.Column("thrown_by", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("at", storage.columns.Utc(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_switch")),
    )
    op.create_table(
        "worker",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("started_at", storage.columns.Utc(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_worker")),
    )
    op.create_table(
        "step",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("plan", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("wave", sa.Integer(), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("before", storage.columns.Document(), nullable=True),
        sa.Column("after", storage.columns.Document(), nullable=True),
        sa.Column("code", sa.String(), nullable=True),
        sa.Column("detail", sa.String(), nullable=True),
        sa.Column("send_by", storage.columns.Utc(), nullable=True),
        sa.Column("ended_at", storage.columns.Utc(), nullable=True),
        sa.CheckConstraint(
            "state IN ('new', 'intent', 'done', 'failed', 'skipped', 'unknown', 'needs_human')",
            name=op.f("ck_step_state"),
        ),
        sa.ForeignKeyConstraint(["plan"], ["plan.id"], name=op.f("fk_step_plan")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_step")),
        sa.UniqueConstraint("key", name=op.f("uq_step_key")),
        sa.UniqueConstraint("plan", "number", name=op.f("uq_step_plan_number")),
    )
    op.create_index(op.f("ix_step_state"), "step", ["state"], unique=False)
    op.create_index(op.f("ix_step_target"), "step", ["target"], unique=False)
    op.create_table(
        "vote",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("plan", sa.String(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("decision", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("at", storage.columns.Utc(), nullable=False),
        sa.ForeignKeyConstraint(["plan"], ["plan.id"], name=op.f("fk_vote_plan")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vote")),
        sa.UniqueConstraint("plan", "person", name=op.f("uq_vote_plan_person")),
    )

"""${message}."""

import sqlalchemy as sa
from alembic import op

import storage.columns

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema forward; there is no way back (the audit log must never be dropped)."""
    ${upgrades if upgrades else "pass"}

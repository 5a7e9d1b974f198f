"""How Alembic reaches the database: through the connection that `storage/schema.py` hands it."""

from typing import Literal

from alembic import context

from storage.tables import Row


def spelled(kind: str, thing: object, _context: object) -> str | Literal[False]:
    """Write SQLModel's string type by its plain name, so that a migration needs no SQLModel."""
    return "sa.String()" if kind == "type" and type(thing).__name__ == "AutoString" else False


with_connection = context.config.attributes["connection"]
context.configure(
    connection=with_connection,
    target_metadata=Row.metadata,
    compare_type=True,
    render_item=spelled,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()

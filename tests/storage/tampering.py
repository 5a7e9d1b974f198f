"""What somebody with the owner's password could do: switch the guards off, and change what they guard."""

from sqlalchemy import text

from storage import triggers
from storage.store import Store


def tamper(owner: Store, *statements: str) -> None:
    """Switch the guards off, run these, and switch them on again."""
    with owner.engine.begin() as connection:
        guards = list(triggers.SQLITE) if owner.sqlite else []
        for name in guards:
            connection.execute(text(f"DROP TRIGGER {name}"))
        for table in () if owner.sqlite else triggers.APPEND_ONLY:
            connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
        for statement in statements:
            connection.exec_driver_sql(statement)
        for name in guards:
            connection.execute(text(triggers.SQLITE[name]))
        for table in () if owner.sqlite else triggers.APPEND_ONLY:
            connection.execute(text(f"ALTER TABLE {table} ENABLE TRIGGER USER"))

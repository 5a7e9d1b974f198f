"""Copies of a database as a backup makes them, and the company at work on such a copy."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from storage.store import Store
from tests.databases import Database, PostgresServer, name_of
from tests.flows.world import Company


class Backup:
    """A copy of a company's database as it was at one moment."""

    def __init__(self, request: pytest.FixtureRequest, company: Company, to: Path) -> None:
        self._server: PostgresServer | None = None
        self._opened: list[Store] = []
        if company.store.sqlite:
            self.database = _file(company.store.url, to)
        else:
            company.store.close()  # a template may have no connection; the store opens others by itself
            self._server = request.getfixturevalue("postgres")
            self.database = self._server._create(name_of(company.store.url))

    def restored(self, company: Company) -> Company:
        """The same company, machine and cloud, started on the copy."""
        store = Store(self.database.url)
        self._opened.append(store)
        return Company(store, company.home, company.desk.clouds)

    def close(self) -> None:
        """End the work on the copy, and take it away."""
        for store in self._opened:
            store.close()
        if self._server is not None:
            self._server.drop(self.database)


def _file(url: str, to: Path) -> Database:
    with sqlite3.connect(url.removeprefix("sqlite:///")) as source, sqlite3.connect(to) as target:
        source.backup(target)
    source.close()
    target.close()
    return Database(f"sqlite:///{to}", f"sqlite:///{to}")


Save = Callable[[Company], Backup]


@pytest.fixture
def save(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Save]:
    """Makes a backup of a company's database."""
    made: list[Backup] = []

    def save(company: Company) -> Backup:
        made.append(Backup(request, company, tmp_path / f"copy-{len(made)}.db"))
        return made[-1]

    yield save
    for backup in made:
        backup.close()

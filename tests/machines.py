"""Puts a state machine on a fresh database, one for each of its examples, and runs it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from storage.store import Store
from tests.databases import Database, PostgresServer, SqliteTemplate

M = TypeVar("M", bound=RuleBasedStateMachine)

#: A few examples for everybody's suite, and many among the slower proofs.
on_both_kinds = pytest.mark.parametrize(
    ("kind", "examples"),
    [
        ("sqlite", 10),
        ("postgresql", 3),
        pytest.param("sqlite", 60, marks=pytest.mark.slow),
        pytest.param("postgresql", 20, marks=pytest.mark.slow),
    ],
)


@contextmanager
def opened(kind: str, request: pytest.FixtureRequest) -> Iterator[Store]:
    """A fresh database of a kind."""
    if kind == "sqlite":
        template: SqliteTemplate = request.getfixturevalue("sqlite_template")
        with TemporaryDirectory() as folder:
            store = template.fresh(Path(folder)).store()
            yield store
            store.close()
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    database: Database = server.fresh()
    store = database.store()
    yield store
    store.close()
    server.drop(database)


def on_store(machine: type[M], kind: str, request: pytest.FixtureRequest) -> type[M]:
    """The machine with its `store`, of this kind, closed when an example is over."""
    base: Any = machine

    class OnStore(base):  # type: ignore[misc] # whichever machine it is
        def __init__(self) -> None:
            super().__init__()
            self._context = opened(kind, request)
            self.store = self._context.__enter__()

        def teardown(self) -> None:
            try:
                super().teardown()
            finally:
                self._context.__exit__(None, None, None)

    return OnStore


def run(
    machine: type[RuleBasedStateMachine],
    kind: str,
    examples: int,
    request: pytest.FixtureRequest,
    *,
    steps: int,
) -> None:
    """So many examples of so many steps at most; each has to hold."""
    chosen = settings(max_examples=examples, stateful_step_count=steps, suppress_health_check=[*HealthCheck])
    run_state_machine_as_test(on_store(machine, kind, request), settings=chosen)

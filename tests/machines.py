"""Puts a state machine on a fresh database: one for each of its examples."""

from typing import Any, TypeVar

import pytest
from hypothesis.stateful import RuleBasedStateMachine

from tests.storage.test_blast_machine import opened

M = TypeVar("M", bound=RuleBasedStateMachine)


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

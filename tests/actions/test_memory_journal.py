"""The journal that the runner's tests use obeys the contract."""

from typing import Any

from actions.journal import Journal
from actions.step import Step
from tests.actions.journal_contract import JournalContract
from tests.actions.memory import MemoryJournal


class TestMemoryJournal(JournalContract):
    """In memory."""

    def make(self, steps: list[Step], tmp: Any) -> Journal:
        return MemoryJournal(steps)

    def take_over(self, journal: Journal) -> None:
        assert isinstance(journal, MemoryJournal)
        journal.taken = True

    def kill(self, journal: Journal) -> None:
        assert isinstance(journal, MemoryJournal)
        journal.on = True

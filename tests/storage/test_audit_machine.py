"""The audit log as a machine: whatever is written, signed and tampered with, verification tells the truth."""

from typing import Any, ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from storage import audit, checkpoints
from storage.store import Store
from tests.databases import Database
from tests.storage.rows import NOON
from tests.storage.tampering import tamper

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text("aé\U00010000￿", max_size=3), inner, max_size=2)
    ),
    max_leaves=4,
)
COLUMNS = ("actor", "event", "subject", "reason", "app_version", "plan_hash", "hash", "prev_hash")


class Log(RuleBasedStateMachine):
    """Writers, a signer, and somebody with the owner's password."""

    fresh: ClassVar[Any] = None

    @initialize()
    def begin(self) -> None:
        self.database: Database = type(self).fresh()
        self.store = Store(self.database.owner_url)
        self.signer = checkpoints.signer(checkpoints.generate()[0])
        self.rows = self.signed = 0
        self.broken: int | None = None

    @rule(
        values=st.lists(VALUES, min_size=1, max_size=3),
        actor=st.sampled_from(["bursar", "U012ANN3456", "U1"]),
    )
    def write(self, values: list[Any], actor: str) -> None:
        with self.store.writing(NOON) as unit:
            for value in values:
                unit.record(
                    "a.b", actor=actor, subject="x", before=value, after={"value": value}, reason='é \n"'
                )
        self.rows += len(values)

    @precondition(lambda self: self.rows > self.signed and self.broken is None)
    @rule()
    def sign(self) -> None:
        with self.store.writing(NOON) as unit:
            checkpoints.sign(unit, self.signer)
        self.signed = self.rows

    @precondition(lambda self: self.rows and self.broken is None)
    @rule(at=st.integers(0, 10**6), column=st.sampled_from(COLUMNS))
    def edit(self, at: int, column: str) -> None:
        seq = at % self.rows + 1
        tamper(self.store, f"UPDATE audit SET {column} = 'forged' WHERE seq = {seq}")
        self.broken = seq

    @precondition(lambda self: self.rows and self.broken is None)
    @rule(at=st.integers(0, 10**6))
    def remove(self, at: int) -> None:
        """A row in the middle leaves a gap; the last one is missed only once a checkpoint counted it."""
        seq = at % self.rows + 1
        if seq < self.rows or seq <= self.signed:
            tamper(self.store, f"DELETE FROM audit WHERE seq = {seq}")
            self.broken = seq

    @precondition(lambda self: self.signed and self.broken is None)
    @rule()
    def rewrite(self) -> None:
        """The whole chain is written anew with right hashes, and only the checkpoints know better."""
        with self.store.reading() as session:
            rows = list(audit.stored(session))
        tamper(self.store, "DELETE FROM audit")
        with self.store.writing(NOON) as unit:
            for _ in rows:
                unit.record("another.story", actor="bursar", subject="x")
        self.broken = -1

    @invariant()
    def verification_tells_the_truth(self) -> None:
        with self.store.reading() as session:
            signed = {one["size"]: one["head"] for one in checkpoints.lines(session)}
            verdict = audit.verify(session, None, signed)
            assert checkpoints.flaw(checkpoints.lines(session), [self.signer.public]) is None
        if self.broken is None:
            assert (verdict.rows, verdict.reason) == (self.rows, None)
        elif self.broken > 0:
            assert verdict.broken == self.broken
        else:
            assert "written anew" in str(verdict.reason)

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_verification_finds_what_was_done_and_nothing_else(
    kind: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> None:
    server = request.getfixturevalue({"sqlite": "sqlite_template", "postgresql": "postgres"}[kind])

    class OnThis(Log):
        @staticmethod
        def fresh() -> Database:
            found = server.fresh() if kind == "postgresql" else server.fresh(tmp_path_factory.mktemp("log"))
            assert isinstance(found, Database)
            return found

    run_state_machine_as_test(OnThis, settings=settings(max_examples=12, stateful_step_count=12))

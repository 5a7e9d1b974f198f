"""What other systems told of incidents: opened once, closed once, and how long ago anything was heard."""

from datetime import timedelta

import pytest

from storage import audit, incidents
from storage.incidents import WEBHOOK, Word
from storage.store import Store
from tests.storage.rows import NOON

DOWN = Word("42", "checkout is down", "pager", open=True)
UP = Word("42", "checkout is down", "pager", open=False)
MINUTE = timedelta(minutes=1)


def tell(store: Store, word: Word, after: timedelta = timedelta(0)) -> bool:
    with store.writing(NOON + after) as unit:
        return incidents.tell(unit, word)


def opened(store: Store) -> list[str]:
    with store.reading() as session:
        return [str(one) for one in incidents.opened(session)]


@pytest.mark.case("T32")
def test_an_incident_is_open_until_it_is_closed_however_often_either_is_said(store: Store) -> None:
    assert [tell(store, DOWN), tell(store, DOWN, MINUTE)] == [True, False]
    assert opened(store) == ["checkout is down (pager, since 2026-03-02 12:00 UTC)"]
    assert [tell(store, UP, 2 * MINUTE), tell(store, UP, 3 * MINUTE)] == [True, False]
    assert opened(store) == []
    assert tell(store, DOWN, 4 * MINUTE)
    assert opened(store) == ["checkout is down (pager, since 2026-03-02 12:04 UTC)"]
    with store.reading() as session:
        found = [(entry["event"], entry["actor"], entry["subject"]) for entry in audit.rows(session)]
    verbs = ("open", "close", "open")
    assert found == [(f"incident.{verb}", "pager", "pager:42") for verb in verbs]


def test_incidents_of_two_systems_with_the_same_number_are_two(store: Store) -> None:
    tell(store, DOWN)
    tell(store, Word("42", "disk full", "alerts", open=True), MINUTE)
    tell(store, UP, 2 * MINUTE)
    assert opened(store) == ["disk full (alerts, since 2026-03-02 12:01 UTC)"]


def test_closing_what_nobody_opened_changes_nothing_but_was_heard(store: Store) -> None:
    assert tell(store, UP) is False
    assert opened(store) == []
    with store.reading() as session:
        assert incidents.last_heard(session, WEBHOOK) == NOON


def test_when_a_source_last_answered_is_kept_and_never_goes_back(store: Store) -> None:
    for after in (timedelta(0), 5 * MINUTE, MINUTE):
        with store.writing(NOON + after) as unit:
            incidents.heard(unit, "alerts:9093")
    with store.reading() as session:
        assert incidents.last_heard(session, "alerts:9093") == NOON + 5 * MINUTE
        assert incidents.last_heard(session, "prometheus:9090") is None

"""Pseudonyms: the log names nobody, people still read it, and a person can be forgotten."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import text

from spend.errors import NotFound
from storage import audit, people, tables
from storage.store import Store
from tests.storage.rows import NOON

ANN, BEN, CAT = "U012ANN3456", "W0BEN7890AB", "UCATCATCAT"
#: Of the shape of a member id, and the name of a machine.
MACHINE = "WEBSERVER01"


def write(store: Store, actor: str = ANN, subject: str = "plan-1", **what: object) -> None:
    with store.writing(NOON) as unit:
        unit.record("approval.approve", actor=actor, subject=subject, **what)  # type: ignore[arg-type]  # by name


def kept(store: Store) -> str:
    """All of the log, as it lies in the database."""
    with store.reading() as session:
        return "\n".join(row.spelled() for row in audit.stored(session))


def read(store: Store) -> list[dict[str, object]]:
    with store.reading() as session:
        return list(audit.rows(session))


def test_the_log_holds_no_member_id_and_people_read_the_names(store: Store) -> None:
    write(
        store,
        before={"voted": [ANN, BEN], BEN: "owner"},
        after=f"told by <@{BEN}|ben>",
        reason=f"as {ANN} asked, see <@{BEN}>",
    )
    assert ANN not in kept(store)
    assert BEN not in kept(store)
    assert "ben>" not in kept(store)
    (entry,) = read(store)
    assert entry["actor"] == ANN
    assert entry["before"] == {"voted": [ANN, BEN], BEN: "owner"}
    assert entry["after"] == f"told by <@{BEN}>"
    assert entry["reason"] == f"as {ANN} asked, see <@{BEN}>"


def test_one_person_keeps_one_pseudonym_and_what_is_about_them_is_found(store: Store) -> None:
    write(store, subject=ANN)
    write(store, actor=BEN, subject=ANN)
    write(store, actor="bursar", subject="plan-2")
    with store.reading() as session:
        mine = list(audit.rows(session, subject=ANN))
        assert len(people.names(session)) == 2
    assert [(one["actor"], one["subject"]) for one in mine] == [(ANN, ANN), (BEN, ANN)]


def test_an_account_of_a_machine_is_a_person_too(store: Store) -> None:
    write(store, actor='cli:"ann"', after={"by": 'cli:"ann"'})
    assert "ann" not in kept(store)
    assert read(store)[0]["after"] == {"by": 'cli:"ann"'}


@pytest.mark.parametrize(
    "word",
    ["USD", "us-east-1", "WEB-01234567", "i-U0123456789", "UNAVAILABLE for now", "W2019", MACHINE],
)
def test_what_only_looks_a_little_like_a_member_is_left_alone(store: Store, word: str) -> None:
    tags = {"owner": word, "person": word, "approvers": word}
    write(store, actor="bursar", subject=word, after={word: word}, before={"tags": tags}, reason=word)
    assert f'{{"{word}":"{word}"}}' in kept(store)
    assert kept(store).count(f'"{word}"') >= 7
    with store.reading() as session:
        assert people.names(session) == {}


def test_who_stands_where_a_person_is_named_is_hidden_and_elsewhere_whom_the_directory_knows(
    store: Store,
) -> None:
    with store.writing(NOON) as unit:
        unit.add(tables.Member(id=CAT, counts=True, at=NOON))
        unit.record("approval.approve", actor=ANN, subject="plan-1", after={"approvals": [ANN, BEN]})
        unit.record("finding.open", actor="bursar", subject=MACHINE, reason=f"{CAT} said so, of {MACHINE}")
        unit.record("stepup.enrol", actor='cli:"root"', subject="U1")
    log = kept(store)
    assert not [one for one in (ANN, BEN, CAT, "root", '"U1"') if one in log]
    assert log.count(MACHINE) == 2
    assert [one["subject"] for one in read(store)] == ["plan-1", MACHINE, "U1"]


def test_a_person_can_be_forgotten_and_the_hashes_stay_valid(store: Store) -> None:
    write(store, reason=f"for {BEN}")
    with store.writing(NOON) as unit:
        pseudonym = people.forget(unit.session, ANN, NOON)
    (entry,) = read(store)
    assert entry["actor"] == pseudonym
    assert entry["reason"] == f"for {BEN}"
    with store.reading() as session:
        assert audit.verify(session).reason is None
        row = session.execute(
            text("SELECT member, forgotten_at FROM person WHERE pseudonym = :one"), {"one": pseudonym}
        )
        assert row.one().member is None
    write(store)
    assert read(store)[1]["actor"] == ANN
    assert kept(store).count(pseudonym) == 1


def test_who_is_not_known_cannot_be_forgotten(store: Store) -> None:
    with pytest.raises(NotFound, match="no pseudonym for U_NOBODY"), store.writing(NOON) as unit:
        people.forget(unit.session, "U_NOBODY", NOON)


def test_a_transaction_that_fails_leaves_no_pseudonym(store: Store) -> None:
    with pytest.raises(TypeError), store.writing(NOON) as unit:
        unit.record("a.a", actor=ANN, subject="x")
        unit.record("a.a", actor=BEN, subject="x", after=0.5)
    with store.reading() as session:
        assert people.names(session) == {}


def test_many_writers_at_once_give_a_person_one_pseudonym(store: Store) -> None:
    start = threading.Barrier(6)

    def work(order: list[str]) -> None:
        start.wait()
        write(store, actor=order[0], after=order)

    orders = [[ANN, BEN], [BEN, ANN]] * 3
    threads = [threading.Thread(target=work, args=(order,)) for order in orders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(str(one["actor"]) for one in read(store)) == [ANN] * 3 + [BEN] * 3
    with store.reading() as session:
        assert sorted(people.names(session).values()) == [ANN, BEN]
        assert audit.verify(session).rows == 6


@pytest.mark.case("V16.2.2")
def test_each_entry_says_when_in_utc_wherever_it_is_read(store: Store) -> None:
    write(store)
    assert f'"at":"{NOON:%Y-%m-%dT%H:%M:%S}.000000Z"' in kept(store)
    assert read(store)[0]["at"] == NOON
    assert NOON.utcoffset() == timedelta(0)

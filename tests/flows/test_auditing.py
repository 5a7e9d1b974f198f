"""The keeping of the audit log: signed when due, told, kept elsewhere, verified, proven and exported."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from flows import auditing, story
from flows.desk import Desk
from spend.errors import BursarError, NotFound, Refused
from storage import checkpoints, outbox, tables
from storage.sources import anchors
from storage.store import Store
from tests.bot.world import desk_on
from tests.storage.remotes import git
from tests.storage.rows import NOON
from tests.storage.tampering import tamper

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def made() -> checkpoints.Signer:
    return checkpoints.signer(checkpoints.generate()[0])


SIGNER, NEXT = made(), made()


@pytest.fixture
def kept(tmp_path: Path) -> str:
    return str(tmp_path / "kept.jsonl")


@pytest.fixture
def desk(store: Store, tmp_path: Path, kept: str) -> Desk:
    """A worker's desk, with a key, finance's channel and one more place."""
    plain = desk_on(store, tmp_path)
    return replace(plain, org=replace(plain.org, anchors=(kept,)), signer=SIGNER)


def write(desk: Desk, *subjects: str) -> None:
    with desk.store.writing(NOON) as unit:
        for subject in subjects:
            unit.record("plan.propose", actor="U012ANN3456", subject=subject, reason="=1+1")


def jobs(desk: Desk) -> list[str]:
    from sqlalchemy import select

    with desk.store.reading() as session:
        return [row.key for row in session.execute(select(tables.Job)).scalars() if row.kind == auditing.JOB]


def posts(desk: Desk) -> list[tables.Message]:
    with desk.store.reading() as session:
        return outbox.due(session, NOON + 99 * HOUR)


def verify(desk: Desk, *places: str, since: int | None = None) -> auditing.Report:
    return auditing.verify(desk.store, trusted=[SIGNER.public], places=places, since=since)


def test_a_due_checkpoint_is_queued_once_and_without_a_key_never(desk: Desk) -> None:
    write(desk, "plan-1")
    auditing.look(replace(desk, signer=None), NOON)
    assert jobs(desk) == []
    for minutes in (0, 1):
        auditing.look(desk, NOON + minutes * MINUTE)
    assert jobs(desk) == ["1:2026-03-02T12"]
    auditing.keep(replace(desk, signer=None), NOON)
    assert auditing.signed(desk.store) == []


@pytest.mark.case("V16.4.2", "V16.4.3")
def test_a_checkpoint_is_told_to_finance_and_kept_elsewhere(desk: Desk, kept: str) -> None:
    write(desk, "plan-1", "plan-2")
    auditing.keep(desk, NOON)
    auditing.keep(desk, NOON)
    (line,) = auditing.signed(desk.store)
    assert anchors.place(kept).read() == [line]
    (post,) = posts(desk)
    assert (post.channel, post.surface, post.thread) == ("C_FIN", "checkpoint:1", None)
    assert json.loads(post.args["text"].split("`")[1]) == line
    outbox.sent(desk.store, post, NOON, channel="C_FIN", ts="1.2")
    auditing.look(desk, NOON + MINUTE)
    with desk.store.reading() as session:
        held = {one.place: one.reference for one in checkpoints.anchors(session, 1)}
    assert held == {"slack": "C_FIN/1.2", kept: "line of checkpoint 1"}
    assert verify(desk, kept).doubts == ()


def test_the_checkpoints_of_one_day_stand_in_one_thread(desk: Desk) -> None:
    for hours in (0, 1, 2, 24):
        write(desk, "plan-1")
        auditing.keep(desk, NOON + hours * HOUR)
    assert [post.thread for post in posts(desk)] == [None, "checkpoint:1", "checkpoint:1", None]


def test_a_place_that_takes_nothing_is_tried_again_and_holds_up_no_other(
    desk: Desk, kept: str, tmp_path: Path
) -> None:
    later = str(tmp_path / "later" / "kept.jsonl")
    shut = replace(desk, org=replace(desk.org, anchors=(later, kept)))
    for hours in (0, 1):
        write(desk, "plan-1")
        with pytest.raises(BursarError, match="cannot be added to"):
            auditing.keep(shut, NOON + hours * HOUR)
    assert [one["number"] for one in anchors.place(kept).read()] == [1, 2]
    (tmp_path / "later").mkdir()
    auditing.keep(shut, NOON + HOUR)
    assert anchors.place(later).read() == anchors.place(kept).read()


def test_a_remote_that_is_away_waits_and_the_other_places_go_on(
    desk: Desk, kept: str, tmp_path: Path, remote: str
) -> None:
    both = replace(desk, org=replace(desk.org, anchors=(remote, kept)))
    folder = tmp_path / "remote.git"
    away = folder.rename(tmp_path / "away.git")
    write(desk, "plan-1")
    with pytest.raises(BursarError, match="does not appear to be a git repository"):
        auditing.keep(both, NOON)
    assert len(anchors.place(kept).read()) == 1
    away.rename(folder)
    write(desk, "plan-1")
    auditing.keep(both, NOON + HOUR)
    assert anchors.place(remote).read() == anchors.place(kept).read()
    assert verify(desk, remote, kept).doubts == ()


@pytest.mark.case("V16.4.2")
def test_a_remote_that_was_written_anew_is_found_by_the_next_checkpoint_and_by_verification(
    desk: Desk, remote: str
) -> None:
    both = replace(desk, org=replace(desk.org, anchors=(remote,)))
    for hours in (0, 1):
        write(desk, "plan-1")
        auditing.keep(both, NOON + hours * HOUR)
    assert verify(desk, remote).reason is None
    git(remote, "update-ref", "refs/heads/bursar", git(remote, "rev-parse", "bursar~").strip())
    assert verify(desk, remote).reason == f"{remote} was given checkpoint 2, and does not hold it"
    write(desk, "plan-1")
    with pytest.raises(Refused, match="does not hold checkpoint 2 as it was signed"):
        auditing.keep(both, NOON + 2 * HOUR)


def test_verification_says_what_it_did_not_prove(desk: Desk, kept: str) -> None:
    write(desk, "plan-1")
    assert verify(desk).doubts == (auditing.UNSIGNED,)
    auditing.keep(desk, NOON)
    Path(kept).write_text("", encoding="utf-8")
    write(desk, "plan-2")
    nobody = auditing.verify(desk.store, trusted=[], places=[])
    assert [doubt.split(",")[0].split(" ")[0] for doubt in nobody.doubts] == ["No", "What", "The"]
    assert verify(desk, kept).doubts[1:] == (f"{kept} holds the checkpoints up to 0, and the last one is 1.",)


@pytest.mark.parametrize(
    ("statements", "words"),
    [
        (["DELETE FROM audit WHERE seq = 3"], "row 3 is missing at the end"),
        (["DELETE FROM audit WHERE seq > 1"], "rows 2 to 3 are missing at the end"),
        (["UPDATE checkpoint SET size = 2 WHERE number = 2"], "checkpoint 2 was changed after it was signed"),
        (
            ["DELETE FROM anchor", "DELETE FROM checkpoint WHERE number = 2"],
            "checkpoint 2, which .* holds, is not",
        ),
        (
            ["DELETE FROM anchor", "DELETE FROM checkpoint", "DELETE FROM audit"],
            "checkpoint 1, which .* holds",
        ),
    ],
)
def test_what_the_owner_of_the_database_cuts_off_is_found(
    desk: Desk, owner_store: Store, kept: str, statements: list[str], words: str
) -> None:
    import re

    for hours, subjects in ((0, ["plan-1"]), (1, ["plan-2", "plan-3"])):
        write(desk, *subjects)
        auditing.keep(desk, NOON + hours * HOUR)
    assert verify(desk, kept).reason is None
    tamper(owner_store, *statements)
    assert re.search(words, str(verify(desk, kept).reason))


def test_verification_since_a_checkpoint_reads_only_what_came_after(desk: Desk, owner_store: Store) -> None:
    write(desk, "plan-1", "plan-2")
    auditing.keep(desk, NOON)
    write(desk, "plan-3")
    assert verify(desk, since=1).verdict.rows == 3
    tamper(owner_store, "UPDATE audit SET event = 'x' WHERE seq = 1")
    assert verify(desk, since=1).reason is None
    tamper(owner_store, "UPDATE audit SET event = 'x' WHERE seq = 3")
    assert verify(desk, since=1).verdict.broken == 3
    with pytest.raises(NotFound, match="no checkpoint 7; the last one is 1"):
        verify(desk, since=7)


def test_a_proof_needs_a_checkpoint_that_counts_the_row(desk: Desk) -> None:
    write(desk, "plan-1", "plan-2", "plan-3")
    auditing.keep(desk, NOON)
    write(desk, "plan-4")
    proof = auditing.prove(desk.store, 2)
    assert [entry["seq"] for entry in proof["entries"]] == [2, 3]
    assert proof["checkpoint"]["number"] == 1
    for seq in (0, 4, 9):
        with pytest.raises(NotFound, match=f"No checkpoint counts row {seq} yet"):
            auditing.prove(desk.store, seq)


@pytest.mark.case("V13.3.4")
def test_a_rotation_is_an_entry_and_the_old_key_names_the_new_one(desk: Desk, kept: str) -> None:
    write(desk, "plan-1")
    auditing.keep(desk, NOON)
    row = auditing.rotate(desk, SIGNER, to=NEXT.public, actor="U1", reason="a year is over", now=NOON)
    assert (row.number, row.size, row.next_key) == (2, 2, NEXT.public)
    told = story.tell(desk, "audit")["entries"][0]
    assert (told["event"], told["reason"]) == ("checkpoint.rotate", "a year is over")
    ids = [checkpoints.key_id(key.public) for key in (SIGNER, NEXT)]
    assert (told["before"], told["after"]) == ({"key": ids[0]}, {"key": ids[1], "vouched": True})
    write(desk, "plan-2")
    with pytest.raises(Refused, match="is the one to sign"):
        auditing.keep(desk, NOON)
    auditing.keep(replace(desk, signer=NEXT), NOON)
    assert verify(desk, kept).reason is None
    assert len(anchors.place(kept).read()) == 3


@pytest.mark.parametrize(
    ("to", "reason"),
    [("no key", "why"), ("00", "why"), (NEXT.public, " ")],
    ids=["no key", "half a key", "no reason"],
)
def test_a_rotation_without_a_key_or_a_reason_is_refused(desk: Desk, to: str, reason: str) -> None:
    with pytest.raises(Refused):
        auditing.rotate(desk, SIGNER, to=to, actor="U1", reason=reason, now=NOON)
    assert auditing.signed(desk.store) == []


def test_a_lost_key_is_replaced_and_said_to_be_unvouched(desk: Desk) -> None:
    write(desk, "plan-1")
    auditing.keep(desk, NOON)
    auditing.rotate(desk, NEXT, to=None, actor="U1", reason="the old disk burned", now=NOON)
    assert "nothing vouches for" in str(verify(desk).reason)
    both = auditing.verify(desk.store, trusted=[SIGNER.public, NEXT.public], places=[])
    assert both.reason is None


@pytest.mark.case("V16.2.1")
def test_the_evidence_of_a_change_names_who_when_where_what_and_its_checkpoint(desk: Desk, kept: str) -> None:
    write(desk, "plan-1")
    assert story.tell(desk, "plan-1")["checkpoint"] is None
    auditing.keep(desk, NOON)
    told = story.tell(desk, "plan-1")
    (entry,) = told["entries"]
    assert {name: entry[name] for name in ("actor", "at", "event", "subject", "reason")} == {
        "actor": "U012ANN3456",
        "at": NOON,
        "event": "plan.propose",
        "subject": "plan-1",
        "reason": "=1+1",
    }
    assert told["checkpoint"]["number"] == 1
    assert [one["place"] for one in told["checkpoint"]["anchors"]] == [kept]


def test_reads_of_money_and_downloads_are_entries(desk: Desk) -> None:
    auditing.viewed(desk, actor="U1", subject="costs", what={"by": ["team"]}, now=NOON)
    auditing.downloaded(desk, actor="U1", what={"format": "csv"}, now=NOON)
    rows: list[dict[str, Any]] = list(auditing.exported(desk.store, named=True))
    assert [(row["event"], row["actor"]) for row in rows] == [
        ("report.view", "U1"),
        ("export.download", "U1"),
    ]
    assert "U1" not in json.dumps(list(auditing.exported(desk.store, named=False)))


def test_forgetting_a_person_is_an_entry_that_does_not_name_them(desk: Desk) -> None:
    write(desk, "plan-1")
    pseudonym = auditing.forget(desk, "U012ANN3456", actor="U1", now=NOON)
    assert "U012ANN3456" not in json.dumps(list(auditing.exported(desk.store, named=True)))
    assert story.tell(desk, pseudonym)["entries"][0]["event"] == "person.forget"
    assert verify(desk).reason is None

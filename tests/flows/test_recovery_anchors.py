"""A restored database is known by its anchored checkpoints too: what this machine saw may be old or gone."""

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from actions.clouds import AwsClouds
from flows import auditing, recovery
from spend import canonical
from storage import checkpoints, tables
from storage import recovery as memory
from storage.sources import anchors
from tests.flows.restoring import Save
from tests.flows.world import FIN, OPS, Company

SIGNER = checkpoints.signer(base64.b64encode(bytes(32)).decode())


@pytest.fixture
def file(tmp_path: Path) -> str:
    """The simplest second place."""
    return str(tmp_path / "kept.jsonl")


@pytest.fixture(params=["file", "bucket", "remote"])
def place(request: pytest.FixtureRequest) -> str:
    """Each kind of second place."""
    return str(request.getfixturevalue(request.param))


@pytest.fixture
def worker(company: Company, file: str) -> Company:
    """The company's worker, whose log is kept in a second place."""
    company.reads(signer=SIGNER, clouds=AwsClouds({}))
    company.with_org(anchors=(file,))
    return company


@pytest.fixture
def anchored(on_sqlite: Company, place: str) -> Company:
    """The same on SQLite, in each kind of place: they do not ask which database it is."""
    on_sqlite.reads(signer=SIGNER, clouds=AwsClouds({}))
    on_sqlite.with_org(anchors=(place,))
    return on_sqlite


def happen(company: Company, times: int = 1) -> None:
    for number in range(times):
        with company.store.writing(company.now) as unit:
            unit.record("test.happened", actor="bursar", subject=f"thing-{number}")


def keep(company: Company, times: int = 1) -> None:
    """Something happens, and is counted by a checkpoint that the second place holds."""
    happen(company, times)
    company.clock.turn(hours=2)
    auditing.keep(company.desk, company.now)


def copied(company: Company, save: Save) -> Company:
    """The company on a copy, by the same settings, after more happened and was kept."""
    backup = save(company)
    keep(company, 2)
    copy = backup.restored(company)
    copy.desk = replace(company.desk, store=copy.store)
    copy.clock = company.clock
    copy.clock.turn(hours=9)
    return copy


def examine(company: Company) -> tables.Recovery | None:
    return recovery.examine(company.desk, company.now)


def test_a_log_that_goes_on_from_its_anchors_is_no_recovery(worker: Company) -> None:
    assert examine(worker) is None  # nothing is kept there yet
    keep(worker, 3)
    assert examine(worker) is None
    happen(worker)
    assert examine(worker) is None


@pytest.mark.case("T44")
def test_without_what_this_machine_saw_the_anchors_decide(anchored: Company, save: Save, place: str) -> None:
    keep(anchored, 3)
    copy = copied(anchored, save)
    assert memory.last_seen(copy.home) is None
    found = examine(copy)
    assert found is not None
    assert found.reason == f"its audit log ends at row 3, and the newest checkpoint in {place} counts row 5"
    assert recovery.why_not(copy.desk) == recovery.sentence(found)
    assert copy.events(found.id) == ["recovery.begin"]


def test_a_home_that_was_restored_with_its_database_does_not_hide_it(worker: Company, save: Save) -> None:
    keep(worker, 3)
    copy = copied(worker, save)
    recovery.remember(copy.desk, copy.now)
    assert examine(copy) is not None


def test_a_log_that_went_another_way_is_not_the_one_that_was_kept(
    worker: Company, save: Save, file: str
) -> None:
    keep(worker)
    copy = copied(worker, save)
    happen(copy, 4)
    found = examine(copy)
    assert found is not None
    assert found.reason == (
        f"row 3 of its audit log is not the one that the newest checkpoint in {file} counts"
    )


def resume(company: Company) -> None:
    for who in (OPS, FIN):
        recovery.resume(company.desk, actor=who, reason="looked", now=company.now)


def verify(company: Company, place: str) -> auditing.Report:
    return auditing.verify(company.store, trusted=[SIGNER.public], places=[place])


@pytest.mark.case("T44")
def test_what_two_people_resumed_is_anchored_beside_what_was_lost_and_told_as_accepted(
    anchored: Company, save: Save, place: str
) -> None:
    keep(anchored, 3)
    copy = copied(anchored, save)
    happen(copy, 9)  # more than was lost: the copy went another way
    found = examine(copy)
    assert found is not None
    assert "checkpoint 2, which" in str(verify(copy, place).reason)
    resume(copy)
    assert examine(copy) is None
    assert "checkpoint 2, which" in str(verify(copy, place).reason)  # nobody signed yet that it was resumed
    auditing.keep(copy.desk, copy.now)
    report = verify(copy, place)
    assert (report.reason, report.checkpoints, report.doubts) == (None, 2, ())
    when = canonical.data(found.at)
    assert report.forks == (
        (
            f"The database was restored from an old copy, found at {when} and resumed by two people: "
            f"`bursar audit show {found.id}` tells the rest."
        ),
        f"{place} holds checkpoints [2] of what was lost, which count up to row 5.",
    )
    keep(copy)
    assert verify(copy, place).reason is None
    assert examine(copy) is None


def test_a_copy_that_knows_of_a_restore_may_be_restored_again(worker: Company, save: Save, file: str) -> None:
    keep(worker, 3)
    copy = copied(worker, save)
    for _ in range(2):
        assert examine(copy) is not None
        resume(copy)
        assert examine(copy) is None
        auditing.keep(copy.desk, copy.now)
        assert verify(copy, file).reason is None
        copy = copied(copy, save)
    assert examine(copy) is not None
    assert len(verify(copy, file).forks) == 2 + 1


EVE = checkpoints.signer(base64.b64encode(bytes(31) + b"e").decode())


def forge(file: str, number: int, by: checkpoints.Signer = EVE, spoil: str = "", **changes: Any) -> None:
    """Somebody adds a checkpoint to the place, after the one that has this number there."""
    last = dict(anchors.place(file).read()[number - 1])
    content = {name: last[name] for name in checkpoints.SIGNED} | {"key": by.public}
    content |= {"number": number + 1, "previous": last["hash"], **changes}
    forged = {**content, "hash": canonical.digest(content), "signature": by.sign(content)}
    with Path(file).open("a", encoding="utf-8") as kept:
        kept.write(canonical.text(forged | ({"head": spoil} if spoil else {})) + "\n")


@pytest.mark.case("T44")
def test_a_checkpoint_that_no_known_key_signed_is_no_evidence_and_waits_for_people(
    worker: Company, file: str
) -> None:
    keep(worker, 3)
    forge(file, 1)
    found = examine(worker)
    assert found is not None
    said = f"the newest checkpoint in {file} counts row 3, but no key that is known here signed it"
    assert (found.reason, found.fork["seen"]) == (said, None)
    assert f"Nobody can tell whether this database is an old copy: {said}." in recovery.sentence(found)
    resume(worker)
    assert examine(worker) is None  # this one was looked at
    forge(file, 1, SIGNER, spoil="f" * 64)
    assert examine(worker) is not None


def test_the_keys_before_and_after_a_change_are_known(worker: Company) -> None:
    keep(worker, 3)
    auditing.rotate(worker.desk, SIGNER, to=EVE.public, actor=OPS, reason="a year", now=worker.now)
    worker.reads(signer=EVE)
    assert examine(worker) is None
    keep(worker)
    assert examine(worker) is None
    worker.reads(signer=None)
    assert examine(worker) is None


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"by": EVE}, "is signed by key"),
        ({"by": SIGNER, "spoil": "f" * 64}, "was changed after it was signed"),
        ({"by": SIGNER, "previous": "f" * 64}, "does not continue one that is known"),
        ({"by": SIGNER, "size": 1}, "does not continue one that is known"),
    ],
    ids=["another key", "changed", "of nothing", "shrunk"],
)
def test_a_forged_checkpoint_is_not_taken_for_a_lost_one(
    worker: Company, save: Save, file: str, how: dict[str, Any], said: str
) -> None:
    keep(worker, 3)
    copy = copied(worker, save)
    assert examine(copy) is not None
    resume(copy)
    auditing.keep(copy.desk, copy.now)
    assert verify(copy, file).reason is None
    forge(file, 2, **how)
    assert said in str(verify(copy, file).reason)


def test_what_the_place_was_given_and_does_not_hold_is_found(worker: Company, file: str) -> None:
    keep(worker)
    keep(worker)
    Path(file).write_text(Path(file).read_text(encoding="utf-8").splitlines()[0] + "\n", encoding="utf-8")
    assert verify(worker, file).reason == f"{file} was given checkpoint 2, and does not hold it"


def test_the_highest_epoch_that_is_known_counts_whoever_knows_more_rows(worker: Company, save: Save) -> None:
    keep(worker)
    copy = copied(worker, save)
    seen = {"head": {"seq": 2, "hash": "f" * 64, "epoch": 7}, "at": copy.now.isoformat()}
    copy.home.mkdir(exist_ok=True)
    (copy.home / memory.FILE).write_text(json.dumps(seen), encoding="utf-8")
    with copy.store.writing(copy.now) as unit:
        unit.add(tables.Worker(name="worker-1", epoch=2, started_at=copy.now))
    found = examine(copy)
    assert found is not None
    assert found.fork["seen"]["seq"] == 3
    with copy.store.reading() as session:
        assert memory.head(session).epoch == 7


def test_the_talker_leaves_the_look_to_the_worker(worker: Company, save: Save) -> None:
    keep(worker, 3)
    copy = copied(worker, save)
    copy.reads(clouds=None)
    assert examine(copy) is None


@pytest.mark.parametrize("kind", ["folder", "bucket"])
def test_a_place_that_does_not_answer_is_warned_of_and_what_this_machine_saw_still_guards(
    worker: Company, save: Save, tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    keep(worker, 3)
    backup = save(worker)
    keep(worker)
    worker.with_org(anchors=(str(tmp_path) if kind == "folder" else "s3://nowhere",))
    assert examine(worker) is None
    assert "cannot be read" in caplog.text
    assert "Whether this database is an old copy was not asked there." in caplog.text
    recovery.remember(worker.desk, worker.now)
    copy = backup.restored(worker)
    copy.desk = replace(worker.desk, store=copy.store)
    assert examine(copy) is not None


def test_a_file_of_checkpoints_that_is_gone_is_warned_of(
    company: Company, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "kept.jsonl"
    company.reads(signer=SIGNER, clouds=AwsClouds({}))
    company.with_org(anchors=(str(file),))
    keep(company)
    file.unlink()
    assert examine(company) is None
    assert f"{file} does not hold checkpoint 1 any more" in caplog.text

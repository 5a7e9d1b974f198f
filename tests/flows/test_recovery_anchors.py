"""A restored database is known by its anchored checkpoints too: what this machine saw may be old or gone."""

import base64
import json
from dataclasses import replace
from pathlib import Path

import pytest

from actions.clouds import AwsClouds
from flows import auditing, recovery
from storage import checkpoints, tables
from storage import recovery as memory
from tests.flows.restoring import Save
from tests.flows.world import FIN, OPS, Company

SIGNER = checkpoints.signer(base64.b64encode(bytes(32)).decode())


@pytest.fixture(params=["file", "bucket"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Each kind of second place."""
    return str(tmp_path / "kept.jsonl" if request.param == "file" else request.getfixturevalue("bucket"))


@pytest.fixture
def worker(company: Company, place: str) -> Company:
    """The company's worker, whose log is kept in the second place."""
    company.reads(signer=SIGNER, clouds=AwsClouds({}))
    company.with_org(anchors=(place,))
    return company


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
def test_without_what_this_machine_saw_the_anchors_decide(worker: Company, save: Save, place: str) -> None:
    keep(worker, 3)
    copy = copied(worker, save)
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
    worker: Company, save: Save, place: str
) -> None:
    keep(worker)
    copy = copied(worker, save)
    happen(copy, 4)
    found = examine(copy)
    assert found is not None
    assert found.reason == (
        f"row 3 of its audit log is not the one that the newest checkpoint in {place} counts"
    )


def test_what_two_people_resumed_is_not_found_again(worker: Company, save: Save) -> None:
    keep(worker, 3)
    copy = copied(worker, save)
    assert examine(copy) is not None
    for who in (OPS, FIN):
        recovery.resume(copy.desk, actor=who, reason="looked", now=copy.now)
    assert examine(copy) is None
    happen(copy, 9)
    assert examine(copy) is None


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
    assert f"{file} holds no checkpoint any more" in caplog.text

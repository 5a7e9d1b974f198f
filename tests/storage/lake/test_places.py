"""A lake in a folder and a lake in a bucket are one thing: read exactly, restated, healed, and kept clean."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from sqlmodel import select

from actions import crash
from spend.errors import Conflict, NotFound
from storage import audit, garbage
from storage.costs import costs
from storage.lake import Lake
from storage.parts import Folder, Held, part_of
from storage.snapshots import DeliveryRefused
from storage.store import Store
from storage.tables import Digest, Snapshot
from tests.databases import SqliteTemplate
from tests.storage.lake.bills import NOW, current_ids, load, text, write
from tests.storage.lake.lakes import lake_in
from tests.storage.shelf import Shelf

Machine = Callable[[str], Lake]
DAY, KEEP = timedelta(days=1), timedelta(days=30)
ONE, TWO = [{"BilledCost": "7"}], [{"BilledCost": "0.5"}]


@pytest.fixture(params=["folder", "bucket"])
def machine(request: pytest.FixtureRequest, tmp_path: Path) -> Machine:
    """The same lake, as machines of these names see it."""
    if request.param == "folder":
        return lambda name: Lake(tmp_path / name, Folder(tmp_path / "shared"))
    bucket = request.getfixturevalue("bucket")
    return lambda name: lake_in(bucket, tmp_path / name)


@pytest.fixture
def at() -> Iterator[Callable[[str, Callable[[], object]], None]]:
    """Does something at a named point, the first time that it is passed."""

    def arm(point: str, act: Callable[[], object]) -> None:
        def hook(name: str) -> None:
            if name == point:
                crash.arm(None)
                act()

        crash.arm(hook)

    yield arm
    crash.arm(None)


At = Callable[[str, Callable[[], object]], None]


class Died(BaseException):
    """The process ended."""


def die() -> None:
    raise Died


def delivery(folder: Path, *files: list[dict[str, str]]) -> Path:
    for number, rows in enumerate(files):
        write(folder / f"bill-{number}.csv", text(rows))
    return folder


def billed(lake: Lake, store: Store, *snapshots: str) -> Decimal:
    found: Decimal = costs(lake, store, snapshots=snapshots or None).totals[0]["billed_cost"]
    return found


def states(store: Store) -> dict[str, str]:
    with store.reading() as session:
        return {row.id: row.state for row in session.scalars(select(Snapshot))}


def collect(lake: Lake, store: Store, after: timedelta) -> list[str]:
    return [row.id for row in garbage.collect(lake, store, KEEP, actor="bursar", now=NOW + after)]


def test_a_snapshot_is_whole_when_all_of_its_parts_are_there_and_they_keep_their_order() -> None:
    parts = [part_of(number, 12) for number in range(12)]
    assert Held(dict.fromkeys(sorted(parts), 1)).names == parts
    assert Held(dict.fromkeys(parts[:-1], 1)).names == Held(dict.fromkeys(parts[1:], 1)).names == []
    assert Held({"part-0.parquet": 1, "part-1.parquet": 1}).names == ["part-0.parquet", "part-1.parquet"]
    assert Held({"part-1.parquet": 1}).names == Held({"other": 1}).names == []
    assert not Held({parts[0]: 1}).whole([{"name": parts[0], "bytes": 1}])
    assert Held({part_of(0, 1): 1}).whole([{"name": part_of(0, 1), "bytes": 1}])
    assert not Held({part_of(0, 1): 1}).whole([{"name": part_of(0, 1), "bytes": 2}])


def test_what_one_machine_imports_and_restates_another_one_reads(
    machine: Machine, lake_store: Store, tmp_path: Path
) -> None:
    one, two = machine("one"), machine("two")
    bill = delivery(tmp_path / "in", ONE, TWO)
    load(one, lake_store, bill)
    (first,) = current_ids(lake_store)
    assert billed(two, lake_store) == Decimal("7.5")
    assert [path.name for path in two.paths([first])] == ["part-0-of-2.parquet", "part-1-of-2.parquet"]
    load(two, lake_store, delivery(tmp_path / "in", ONE, [{"BilledCost": "-1"}]))
    assert (billed(one, lake_store), billed(one, lake_store, first)) == (Decimal(6), Decimal("7.5"))
    assert [one.state for one in load(one, lake_store, bill).snapshots] == ["unchanged"]
    with pytest.raises(DeliveryRefused):
        load(one, lake_store, write(tmp_path / "bad.csv", text([{"BilledCost": "x"}])))
    assert billed(two, lake_store) == Decimal(6)


def test_what_nobody_needs_is_collected_after_its_days_and_what_is_pinned_stays(
    store: Store, tmp_path: Path
) -> None:
    lake = Lake(tmp_path / "home")
    ids = []
    for amount in ("1", "2", "3"):
        load(lake, store, write(tmp_path / "bill.csv", text([{"BilledCost": amount}])))
        ids += current_ids(store)
    with store.writing(NOW) as unit:
        unit.add(
            Digest(id="d", team="web", week=NOW.date(), figures={"snapshots": ids[:1]}, published_at=NOW)
        )
    assert collect(lake, store, KEEP - DAY) == []
    assert collect(lake, store, KEEP) == [ids[1]]
    assert states(store) == dict(zip(ids, ("superseded", "collected", "current"), strict=True))
    assert (billed(lake, store, ids[0]), billed(lake, store)) == (Decimal(1), Decimal(3))
    with pytest.raises(NotFound, match="not \\(or not all\\) in"):
        billed(lake, store, ids[1])
    with store.reading() as session:
        (entry,) = [row for row in audit.rows(session) if row["event"] == "snapshot.collect"]
    assert (entry["subject"], entry["before"]["state"]) == (ids[1], "superseded")
    assert lake.place.held().keys() == {ids[0], ids[2]}


def test_an_import_that_died_is_collected_after_a_day_and_its_bill_can_be_imported_at_once(
    machine: Machine, lake_store: Store, tmp_path: Path, at: At
) -> None:
    lake = machine("one")
    at("snapshot.settled", die)
    bill = delivery(tmp_path / "in", ONE, TWO)
    with pytest.raises(Died):
        load(lake, lake_store, bill)
    (dead,) = states(lake_store)
    load(lake, lake_store, bill)
    assert lake.place.held().keys() == {dead, *current_ids(lake_store)}
    assert collect(lake, lake_store, DAY / 2) == []
    assert collect(lake, lake_store, DAY) == [dead]
    assert list(lake.place.held()) == current_ids(lake_store)
    assert billed(lake, lake_store) == Decimal("7.5")


def test_an_import_that_a_collection_gave_up_meanwhile_never_becomes_current(
    machine: Machine, lake_store: Store, tmp_path: Path, at: At
) -> None:
    """However long it slept, and whatever it still puts into the lake after that."""
    lake, other = machine("one"), machine("two")
    load(lake, lake_store, delivery(tmp_path / "in", ONE))
    before = current_ids(lake_store)
    point = "parts.ready" if isinstance(lake.place, Folder) else "part.kept"
    at(point, lambda: collect(other, lake_store, DAY))
    with pytest.raises(Conflict, match="took longer than a day"):
        load(lake, lake_store, delivery(tmp_path / "in", ONE, TWO))
    assert current_ids(lake_store) == before
    assert billed(lake, lake_store) == Decimal(7)
    assert len(lake.place.held()) == 2
    collect(other, lake_store, 2 * DAY)
    assert list(lake.place.held()) == before
    load(lake, lake_store, tmp_path / "in")
    assert billed(machine("three"), lake_store) == Decimal("7.5")


def test_of_two_imports_of_a_bill_at_once_one_wins(store: Store, tmp_path: Path, at: At) -> None:
    lake = Lake(tmp_path / "home")
    bill = delivery(tmp_path / "in", ONE)
    at("snapshot.settled", lambda: load(lake, store, bill))
    with pytest.raises(Conflict, match="finished first; import it again"):
        load(lake, store, bill)
    assert sorted(states(store).values()) == ["current", "staged"]
    assert [one.state for one in load(lake, store, bill).snapshots] == ["unchanged"]


def test_a_part_that_is_missing_is_said_and_importing_the_bill_again_heals_it(
    machine: Machine, lake_store: Store, tmp_path: Path
) -> None:
    lake = machine("one")
    bill = delivery(tmp_path / "in", ONE, TWO)
    load(lake, lake_store, bill)
    (broken,) = current_ids(lake_store)
    lose_a_part(lake)
    with pytest.raises(NotFound, match="import the bill again"):
        billed(machine("two"), lake_store)
    assert load(lake, lake_store, bill).changed
    assert billed(machine("two"), lake_store) == Decimal("7.5")
    assert states(lake_store)[broken] == "superseded"


def lose_a_part(lake: Lake) -> None:
    if isinstance(lake.place, Folder):
        next(lake.root.glob("source=*/*/*/part-1-*")).unlink()
    else:
        objects = lake.place._objects  # type: ignore[attr-defined] # what a hand in the bucket would do
        objects.remove(next(key for key in objects.sizes() if "part-1-" in key))


def test_a_lake_that_was_copied_into_a_bucket_is_the_same_lake(
    lake_store: Store, shelf: Shelf, tmp_path: Path
) -> None:
    lake = Lake(tmp_path / "home")
    load(lake, lake_store, delivery(tmp_path / "in", ONE, TWO))
    for file in lake.root.glob("source=*/*/*/*"):
        shelf.put(f"lake/{file.relative_to(lake.root).as_posix()}", file.read_bytes())
    assert billed(lake_in(shelf.at("lake"), tmp_path / "other"), lake_store) == Decimal("7.5")


def test_a_database_that_does_not_know_the_lake_empties_nothing(
    lake_store: Store, sqlite_template: SqliteTemplate, tmp_path: Path
) -> None:
    lake = Lake(tmp_path / "home")
    load(lake, lake_store, delivery(tmp_path / "in", ONE))
    other = sqlite_template.fresh(tmp_path / "other").store()
    assert collect(lake, other, 1000 * DAY) == []
    assert list(garbage.stock(lake, other, KEEP).unknown) == current_ids(lake_store)
    assert billed(lake, lake_store) == Decimal(7)
    other.close()


def test_what_a_collection_left_is_removed_by_the_next_one(
    machine: Machine, lake_store: Store, tmp_path: Path, at: At
) -> None:
    lake = machine("one")
    for rows in (ONE, TWO):
        load(lake, lake_store, delivery(tmp_path / "in", rows))
    at("snapshot.collected", die)
    with pytest.raises(Died):
        collect(lake, lake_store, KEEP)
    with lake_store.reading() as session:
        assert garbage.due(session, NOW + KEEP + DAY, KEEP)
        assert not garbage.due(session, NOW + KEEP + 3 * DAY, KEEP)
    (left,) = garbage.stock(lake, lake_store, KEEP).due(NOW + KEEP)
    assert (left.row.state, left.whole) == ("collected", True)
    assert collect(lake, lake_store, KEEP) == []
    assert list(lake.place.held()) == current_ids(lake_store)
    assert list((lake.root / "staging").iterdir()) == []


def test_a_file_that_goes_while_it_is_read_is_said_in_a_sentence(lake_store: Store, tmp_path: Path) -> None:
    lake = Lake(tmp_path / "home")
    load(lake, lake_store, delivery(tmp_path / "in", ONE))
    (path,) = lake.paths(current_ids(lake_store))
    with pytest.raises(NotFound, match="collected meanwhile; ask again"), lake.engine() as connection:
        path.unlink()
        connection.execute(f"SELECT * FROM read_parquet('{path}')")


def test_a_file_that_was_cut_short_is_said_and_importing_the_bill_again_heals_it(
    lake_store: Store, tmp_path: Path
) -> None:
    lake, bill = Lake(tmp_path / "home"), delivery(tmp_path / "in", ONE)
    load(lake, lake_store, bill)
    (path,) = lake.paths(current_ids(lake_store))
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(NotFound, match="is cut short"):
        billed(lake, lake_store)
    assert [one.whole for one in garbage.stock(lake, lake_store, KEEP).snapshots] == [False]
    load(lake, lake_store, bill)
    assert billed(lake, lake_store) == Decimal(7)

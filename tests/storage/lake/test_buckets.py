"""Bills of a bucket in the lake: a delivery takes the place of the former one, and is not read twice."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from storage.costs import costs
from storage.lake import Lake
from storage.snapshots import DeliveryRefused, ImportReport
from storage.store import Store
from tests.storage.lake.bills import load
from tests.storage.lake.test_aws_cur import deliver
from tests.storage.shelf import Shelf, bill, execution, shelf

__all__ = ["shelf"]


def states(report: ImportReport) -> list[tuple[str, str, int]]:
    return [(str(one.billing_period), one.state, one.rows) for one in report.snapshots]


def test_deliveries_take_each_others_place_and_an_older_one_arriving_late_is_refused(
    shelf: Shelf, lake: Lake, lake_store: Store, tmp_path: Path
) -> None:
    for number, days in ((1, [1]), (2, [1, 2])):
        deliver(tmp_path / str(number), execution(number), days)
        shelf.put_all(tmp_path / str(number))
        report = load(lake, lake_store, shelf.at("cur"))
        assert states(report) == [("2026-05-01", "current", 2 * number)]
    again = load(lake, lake_store, shelf.at("cur"))
    assert (again.changed, states(again)) == (False, [("2026-05-01", "unchanged", 4)])
    assert [one.id for one in again.snapshots] == [one.id for one in report.snapshots]
    assert again.snapshots[0].totals == report.snapshots[0].totals
    shelf.put_all(tmp_path / "1")
    with pytest.raises(DeliveryRefused, match="has taken its place"):
        load(lake, lake_store, shelf.at("cur"))
    assert costs(lake, lake_store).totals[0]["billed_cost"] == Decimal(5)


def test_a_bill_whose_files_were_lost_is_fetched_again(
    shelf: Shelf, lake: Lake, lake_store: Store, tmp_path: Path
) -> None:
    shelf.export(1, bill("1"))
    load(lake, lake_store, shelf.at())
    elsewhere = Lake(tmp_path / "restored")
    assert load(elsewhere, lake_store, shelf.at()).changed
    assert costs(elsewhere, lake_store).totals[0]["billed_cost"] == Decimal(1)


def test_what_is_known_is_told_beside_what_is_new_and_to_its_own_source_only(
    shelf: Shelf, lake: Lake, lake_store: Store
) -> None:
    shelf.export(1, bill("1"))
    load(lake, lake_store, shelf.at())
    shelf.export(2, bill("7", "8", month="2026-06"), month="2026-06")
    found = load(lake, lake_store, shelf.at())
    assert states(found) == [("2026-06-01", "current", 2), ("2026-05-01", "unchanged", 1)]
    other = load(lake, lake_store, shelf.at(), source="another")
    assert [state for _, state, _ in states(other)] == ["current", "current"]


def test_the_same_bill_delivered_anew_is_known_from_then_on(shelf: Shelf, lake: Lake, store: Store) -> None:
    for number in (1, 2):
        shelf.export(number, bill("1"))
        report = load(lake, store, shelf.at())
        assert report.changed == (number == 1)
    shelf.remove("exports/all/data/billing_period=2026-05/all-00001.csv")
    assert states(load(lake, store, shelf.at())) == states(report)


@pytest.mark.parametrize("address", ["focus", "focus/deep/may.csv"])
def test_a_problem_is_told_by_its_address_and_line(
    shelf: Shelf, lake: Lake, lake_store: Store, address: str
) -> None:
    shelf.put("focus/deep/may.csv", bill("1", "much"))
    with pytest.raises(DeliveryRefused) as refused:
        load(lake, lake_store, shelf.at(address))
    [problem] = refused.value.report.problems
    assert (problem.file, problem.line) == (shelf.at("focus/deep/may.csv"), 3)
    assert list((lake.root / "staging").iterdir()) == []


def test_a_file_that_holds_no_bill_is_called_as_it_is_there(
    shelf: Shelf, lake: Lake, lake_store: Store
) -> None:
    shelf.put("focus/notes.json", "{}")
    with pytest.raises(DeliveryRefused) as refused:
        load(lake, lake_store, shelf.at("focus"))
    assert str(refused.value).startswith(f"{shelf.at('focus')}: no CSV")


@pytest.mark.shared_data
def test_the_three_october_deliveries_of_the_sample_end_at_the_third(
    shelf: Shelf, lake: Lake, lake_store: Store, shared: Path
) -> None:
    root = shared / "synthetic" / "aws-cur"
    month, manifest = "cur/spend-cur/20261001-20261101", "spend-cur-Manifest.json"
    folders = [one["assemblyId"] for one in json.loads((root / "versions.json").read_text())[1:]]
    rows = []
    for folder in folders:
        for file in (root / month / folder).iterdir():
            shelf.put(f"{month}/{folder}/{file.name}", file.read_bytes())
        shelf.put(f"{month}/{manifest}", (root / month / folder / manifest).read_bytes())
        rows += [one.rows for one in load(lake, lake_store, shelf.at("cur")).snapshots]
    assert rows == [5016, 8712, 13728]
    shelf.put(f"{month}/{manifest}", (root / month / folders[0] / manifest).read_bytes())
    with pytest.raises(DeliveryRefused, match="has taken its place"):
        load(lake, lake_store, shelf.at("cur"))
    expected = json.loads((shared / "expected.json").read_text())
    wanted = next(value for name, value in expected.items() if folders[2] in name)
    (total,) = costs(lake, lake_store).totals
    assert round(total["billed_cost"], 12) == round(Decimal(wanted["total_unblended(=sum BilledCost)"]), 12)

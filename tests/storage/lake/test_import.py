"""A delivery becomes current whole or not at all, and the same one twice changes nothing."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from spend.errors import NotFound
from storage import audit
from storage.costs import costs
from storage.lake import Lake, import_files
from storage.snapshots import DeliveryRefused
from storage.sources.files import count_lines, find
from storage.store import Store
from storage.tables import Snapshot
from tests.storage.lake.bills import NOW, current_ids, load, text, write

BILL = [{"BilledCost": "7"}, {"BilledCost": "0.5", "ServiceName": "Storage"}]


def states(store: Store) -> list[tuple[str, str]]:
    with store.reading() as session:
        rows = session.scalars(select(Snapshot)).all()
        return sorted((row.billing_account, row.state) for row in rows)


def events(store: Store) -> list[dict[str, Any]]:
    with store.reading() as session:
        return [row for row in audit.rows(session) if row["event"] == "snapshot.publish"]


def test_an_import_makes_a_snapshot_current(store: Store, lake: Lake, tmp_path: Path) -> None:
    report = load(lake, store, write(tmp_path / "bill.csv", text(BILL)), source="aws")
    (outcome,) = report.to_data()["snapshots"]
    assert report.changed
    assert outcome == {
        "id": current_ids(store)[0],
        "source": "aws",
        "billing_account": "1001",
        "billing_period": "2026-05-01",
        "state": "current",
        "rows": 2,
        "rejected": 0,
        "warnings": {},
        "totals": [{"currency": "USD", "billed_cost": "7.5", "effective_cost": "2"}],
        "last_day": "2026-05-03",
    }
    (path,) = lake.paths([outcome["id"]])
    assert path.relative_to(lake.root).as_posix() == (
        f"source=aws/period=2026-05-01/snapshot={outcome['id']}/part-0-of-1.parquet"
    )


@pytest.mark.case("T48")
def test_the_same_bill_twice_changes_nothing(store: Store, lake: Lake, tmp_path: Path) -> None:
    first = load(lake, store, write(tmp_path / "bill.csv", text(BILL)))
    again = load(lake, store, write(tmp_path / "other-name.csv.gz", text(BILL)))
    assert [outcome.state for outcome in again.snapshots] == ["unchanged"]
    assert again.snapshots[0].id == first.snapshots[0].id
    assert not again.changed
    assert len(events(store)) == 1


def test_a_restated_bill_takes_the_place_of_the_former_one(store: Store, lake: Lake, tmp_path: Path) -> None:
    first = load(lake, store, write(tmp_path / "bill.csv", text(BILL)))
    second = load(lake, store, write(tmp_path / "bill.csv", text([*BILL, {"BilledCost": "-1"}])))
    assert states(store) == [("1001", "current"), ("1001", "superseded")]
    assert costs(lake, store).totals[0]["billed_cost"] == Decimal("6.5")
    former = [outcome.id or "" for outcome in first.snapshots]
    assert costs(lake, store, snapshots=former).totals[0]["billed_cost"] == Decimal("7.5")
    entry = events(store)[-1]
    assert (entry["actor"], entry["subject"]) == ("U_FINANCE", second.snapshots[0].id)
    assert entry["before"]["snapshot"] == former[0]


def test_a_bill_that_returns_to_an_older_content_does_so_only_if_a_person_says_so(
    store: Store, lake: Lake, tmp_path: Path
) -> None:
    former, late = write(tmp_path / "bill.csv", text(BILL)), write(tmp_path / "late.csv", text([*BILL, {}]))
    ids = [load(lake, store, each).snapshots[0].id for each in (former, late)]
    with pytest.raises(DeliveryRefused, match=r"later one, that of .* has taken its place; --replace"):
        load(lake, store, former)
    assert current_ids(store) == ids[1:]
    ids += [load(lake, store, former, forced=True).snapshots[0].id]
    assert len(set(ids)) == 3
    assert current_ids(store) == ids[-1:]


def test_a_file_with_fewer_days_than_are_known_is_refused_unless_a_person_says_so(
    lake_store: Store, lake: Lake, tmp_path: Path
) -> None:
    later = {"ChargePeriodStart": "2026-05-09T00:00:00Z", "ChargePeriodEnd": "2026-05-10T00:00:00Z"}
    (known,) = load(lake, lake_store, write(tmp_path / "bill.csv", text([{}, later]))).snapshots
    older = write(tmp_path / "older.csv", text([{"BilledCost": "2"}]))
    with pytest.raises(DeliveryRefused) as refused:
        load(lake, lake_store, older)
    (problem,) = refused.value.report.problems
    assert problem.code == "older"
    assert problem.message == (
        "the delivery of 1001, May 2026, is older than the current one: it ends on 2026-05-03, and what is "
        "known of this bill on 2026-05-09; --replace imports it all the same"
    )
    assert current_ids(lake_store) == [known.id]
    assert load(lake, lake_store, older, forced=True).changed


def test_equal_rows_are_all_counted_and_a_lost_one_is_noticed(
    lake_store: Store, lake: Lake, tmp_path: Path
) -> None:
    load(lake, lake_store, write(tmp_path / "bill.csv", text([{}, {}, {}])))
    assert costs(lake, lake_store).totals[0]["charges"] == 3
    report = load(lake, lake_store, write(tmp_path / "bill.csv", text([{}, {}])))
    assert report.changed


@pytest.mark.case("T50")
def test_a_refund_keeps_its_category_and_counts(lake_store: Store, lake: Lake, tmp_path: Path) -> None:
    rows = [{"BilledCost": "7"}, {"BilledCost": "-2.5", "ChargeCategory": "Usage"}]
    load(lake, lake_store, write(tmp_path / "bill.csv", text(rows)))
    (usage,) = costs(lake, lake_store, by=("charge_category",)).rows
    assert (usage["charge_category"], usage["billed_cost"], usage["charges"]) == ("Usage", Decimal("4.5"), 2)


def test_accounts_and_periods_of_one_delivery_become_current_together(
    store: Store, lake: Lake, tmp_path: Path
) -> None:
    rows = [
        {"BillingAccountId": "b", "BilledCost": "2"},
        {"BillingAccountId": "a"},
        {"BillingAccountId": "b", "BillingPeriodStart": "2026-06-01T00:00:00Z"},
        {"BillingAccountId": "b", "BilledCost": "3"},
    ]
    report = load(lake, store, write(tmp_path / "bill.csv", text(rows)))
    found = [(one.billing_account, str(one.billing_period), one.rows) for one in report.snapshots]
    assert found == [("a", "2026-05-01", 1), ("b", "2026-05-01", 2), ("b", "2026-06-01", 1)]
    assert len(events(store)) == 3
    again = load(lake, store, write(tmp_path / "bill.csv", text([*rows[:3], {**rows[3], "BilledCost": "4"}])))
    assert [one.state for one in again.snapshots] == ["unchanged", "current", "unchanged"]


def test_a_folder_is_one_delivery_and_other_datasets_in_it_are_skipped(
    lake_store: Store, lake: Lake, tmp_path: Path
) -> None:
    write(tmp_path / "in" / "one" / "part-1.csv", text([{"BilledCost": "2"}]))
    write(tmp_path / "in" / "two" / "part-2.csv.gz", text([{"BilledCost": "3", "x_Team": "t"}]))
    write(tmp_path / "in" / "period.csv", "BillingPeriodStart,BillingPeriodStatus\n2026-05-01,Open\n")
    write(tmp_path / "in" / "manifest.json", "{}")
    report = load(lake, lake_store, tmp_path / "in")
    assert report.snapshots[0].rows == 2
    assert [(one.code, one.grade) for one in report.problems] == [("skipped", "note")]
    assert costs(lake, lake_store).totals[0]["billed_cost"] == Decimal(5)


def test_sources_and_currencies_stay_apart(lake_store: Store, lake: Lake, tmp_path: Path) -> None:
    bill = write(tmp_path / "bill.csv", text([{"BillingCurrency": "eur"}, {"BillingCurrency": "USD"}]))
    report = load(lake, lake_store, bill, source="one")
    load(lake, lake_store, bill, source="two")
    assert [total["currency"] for total in report.snapshots[0].totals] == ["EUR", "USD"]
    assert [(row["currency"], row["billed_cost"]) for row in costs(lake, lake_store).totals] == [
        ("EUR", Decimal(2)),
        ("USD", Decimal(2)),
    ]


def test_a_living_import_is_not_taken_for_garbage(lake: Lake) -> None:
    with lake.staging() as first, lake.staging():
        assert first.exists()
    assert not first.exists()


def test_the_bar_moves_to_the_end_and_never_back(lake_store: Store, lake: Lake, tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    bill = write(tmp_path / "bill.csv", text([{"ResourceId": f"i-{at}"} for at in range(20_000)]))
    import_files(
        lake,
        lake_store,
        [bill],
        source=None,
        promoted=(),
        actor="U",
        now=NOW,
        progress=lambda done, total, _message: steps.append((done, total)),
    )
    done = [step[0] for step in steps]
    assert done == sorted(done)
    assert steps[-1] == (bill.stat().st_size, bill.stat().st_size)


def test_lines_are_counted_with_and_without_a_last_line_break(tmp_path: Path) -> None:
    read: list[int] = []
    (whole,) = find([write(tmp_path / "a.csv", "x\n1\n")])
    (open_ended,) = find([write(tmp_path / "b.csv.gz", "x\n1")])
    assert [count_lines(file, read.append) for file in (whole, open_ended)] == [2, 2]


def test_a_snapshot_without_files_is_said_in_words(lake: Lake) -> None:
    with pytest.raises(NotFound, match="import the bill again"):
        lake.paths(["nothing*"])

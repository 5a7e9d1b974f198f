"""AWS Cost and Usage Reports: what each kind of line costs, on which basis, and whose it is."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from storage.costs import costs
from storage.lake import Lake
from storage.snapshots import DeliveryRefused
from storage.store import Store
from tests.storage.lake.bills import current_ids, load, write
from tests.storage.sources import SAMPLES

CUR = SAMPLES["aws-cur"]
PLAN_COST, RESERVED_COST = "savingsPlan/SavingsPlanEffectiveCost", "reservation/EffectiveCost"
TOTAL, USED = "savingsPlan/TotalCommitmentToDate", "savingsPlan/UsedCommitment"
UNUSED_FEE, UNUSED_UPFRONT = (
    "reservation/UnusedRecurringFee",
    "reservation/UnusedAmortizedUpfrontFeeForBillingPeriod",
)
LINES: list[tuple[str, dict[str, str], str, str]] = [
    ("Usage", {}, "Usage", "10"),
    ("DiscountedUsage", {RESERVED_COST: "4.5"}, "Usage", "4.5"),
    ("DiscountedUsage", {}, "Usage", "0"),
    ("SavingsPlanCoveredUsage", {PLAN_COST: "7.1"}, "Usage", "7.1"),
    ("SavingsPlanNegation", {}, "Usage", "0"),
    ("SavingsPlanRecurringFee", {TOTAL: "3", USED: "2.9"}, "Purchase", "0.1"),
    ("SavingsPlanUpfrontFee", {}, "Purchase", "0"),
    ("RIFee", {UNUSED_FEE: "0.2", UNUSED_UPFRONT: "0.3"}, "Purchase", "0.5"),
    ("Fee", {}, "Purchase", "10"),
    ("Fee", {"reservation/ReservationARN": "arn:1"}, "Purchase", "0"),
    ("Tax", {}, "Tax", "10"),
    ("Credit", {}, "Credit", "10"),
    ("EdpDiscount", {}, "Credit", "10"),
    ("Refund", {}, "Usage", "10"),
    ("Refund", {"lineItem/TaxType": "VAT"}, "Tax", "10"),
    ("Whatever", {}, "Whatever", "10"),
]


def test_a_line_is_billed_as_it_is_and_costs_what_its_commitment_leaves(
    lake: Lake, lake_store: Store, tmp_path: Path
) -> None:
    empty = dict.fromkeys((PLAN_COST, RESERVED_COST, TOTAL, USED, UNUSED_FEE, UNUSED_UPFRONT), "")
    said = {"lineItem/UnblendedCost": "10"}
    names = ["-".join((kind, *cells)) for kind, cells, _category, _effective in LINES]
    rows = [
        empty | said | cells | {"lineItem/LineItemType": kind, "lineItem/ResourceId": name}
        for name, (kind, cells, _category, _effective) in zip(names, LINES, strict=True)
    ]
    load(lake, lake_store, write(tmp_path / "cur.csv", CUR.text(rows)))
    found = costs(lake, lake_store, by=("resource_id", "charge_category", "sub_account_id")).rows
    assert {row["resource_id"]: (row["charge_category"], row["effective_cost"]) for row in found} == {
        name: (category, Decimal(effective))
        for name, (_kind, _cells, category, effective) in zip(names, LINES, strict=True)
    }
    assert {(row["billed_cost"], row["sub_account_id"]) for row in found} == {(Decimal(10), "2002")}


def test_a_bad_amount_of_a_commitment_is_named_by_its_own_cell(
    lake: Lake, lake_store: Store, tmp_path: Path
) -> None:
    rows = [{}, {"lineItem/LineItemType": "SavingsPlanCoveredUsage", PLAN_COST: "?", RESERVED_COST: ""}]
    with pytest.raises(DeliveryRefused) as refused:
        load(
            lake, lake_store, write(tmp_path / "cur.csv", CUR.text([{PLAN_COST: "", **row} for row in rows]))
        )
    assert (refused.value.line, refused.value.column) == (3, PLAN_COST)


def test_tags_are_kept_by_their_own_keys(lake: Lake, lake_store: Store, tmp_path: Path) -> None:
    rows = [
        {
            "resourceTags/user:team": "web",
            "resourceTags/user:cost-center": "",
            "resourceTags/aws:createdBy": "x",
        },
        {"resourceTags/user:team": ""},
    ]
    load(lake, lake_store, write(tmp_path / "cur.csv", CUR.text(rows)), promoted=("team",))
    found = {row["tags"]: row["tag:team"] for row in costs(lake, lake_store, by=("tags", "tag:team")).rows}
    assert {json.dumps(json.loads(tags or "null")): team for tags, team in found.items()} == {
        '{"team": "web", "aws:createdBy": "x"}': "web",
        "null": None,
    }


def test_the_names_of_cur_2_mean_the_same_and_its_map_of_tags_too(
    lake: Lake, lake_store: Store, tmp_path: Path
) -> None:
    named = {
        "bill_payer_account_id": "1001",
        "bill_billing_period_start_date": "2026-05-01T00:00:00.000Z",
        "line_item_usage_account_id": "2002",
        "line_item_line_item_type": "SavingsPlanCoveredUsage",
        "line_item_usage_start_date": "2026-05-03T01:00:00.000Z",
        "line_item_product_code": "AmazonEC2",
        "line_item_currency_code": "USD",
        "line_item_unblended_cost": "10",
        "savings_plan_savings_plan_effective_cost": "7.1",
        "resource_tags": '{"user_team": "web", "aws_created_by": "x"}',
    }
    header, row = ",".join(named), ",".join('"' + value.replace('"', '""') + '"' for value in named.values())
    load(lake, lake_store, write(tmp_path / "cur.csv", f"{header}\n{row}\n"), promoted=("team",))
    (found,) = costs(lake, lake_store, by=("tag:team", "tag:aws_created_by", "service_name")).rows
    assert (found["tag:team"], found["tag:aws_created_by"]) == ("web", "x")
    assert (found["billed_cost"], found["effective_cost"]) == (Decimal(10), Decimal("7.1"))


def deliver(folder: Path, delivery: str, days: list[int], *, keep: int = 2, top: bool = True) -> Path:
    """A delivery of May as in a bucket: two files under its id, the manifest beside them and above."""
    period = folder / "cur" / "report" / "20260501-20260601"
    keys = [f"cur/report/20260501-20260601/{delivery}/report-{number}.csv.gz" for number in (1, 2)]
    for key in keys[:keep]:
        rows = [
            {"lineItem/UsageStartDate": f"2026-05-{day:02}T00:00:00Z", "lineItem/ResourceId": delivery}
            for day in days
        ]
        write(folder / key, CUR.text(rows))
    manifest = json.dumps(
        {
            "assemblyId": delivery,
            "reportName": "report",
            "billingPeriod": {"start": "20260501T000000.000Z", "end": "20260601T000000.000Z"},
            "reportKeys": keys,
        }
    )
    for place in (period / delivery, period)[: 1 + top]:
        write(place / "report-Manifest.json", manifest)
    return period / delivery


def test_of_several_deliveries_in_a_bucket_the_one_that_the_manifest_names_is_read(
    lake: Lake, lake_store: Store, tmp_path: Path
) -> None:
    deliver(tmp_path, "one", [1])
    deliver(tmp_path, "two", [1, 2])
    write(tmp_path / "cur" / "stray.csv", CUR.text([{}]))
    report = load(lake, lake_store, tmp_path)
    assert [(one.state, one.rows) for one in report.snapshots] == [("current", 4)]
    assert [one.code for one in report.problems if one.grade == "note"] == ["skipped", "skipped"]
    assert [one.file for one in report.problems if one.code == "unnamed"] == [
        str(tmp_path / "cur" / "stray.csv")
    ]
    assert {row["resource_id"] for row in costs(lake, lake_store, by=("resource_id",)).rows} == {"two"}


def test_a_later_delivery_takes_the_place_and_an_older_one_is_refused(
    store: Store, lake: Lake, tmp_path: Path
) -> None:
    one, two, three = (
        deliver(tmp_path, name, days) for name, days in (("one", [1]), ("two", [1, 2]), ("three", [1, 2]))
    )
    for folder in (one, two, three):
        assert load(lake, store, folder).changed
    current = current_ids(store)
    assert [one.state for one in load(lake, store, three).snapshots] == ["unchanged"]
    for folder, why in ((one, "has taken its place"), (two, "has taken its place")):
        with pytest.raises(DeliveryRefused, match=why) as refused:
            load(lake, store, folder)
        (outcome,) = refused.value.report.snapshots
        assert (outcome.state, outcome.billing_account, outcome.rejected) == ("refused", "1001", outcome.rows)
        assert [one.code for one in refused.value.report.problems] == ["older"]
    assert current_ids(store) == current
    assert costs(lake, store).totals[0]["billed_cost"] == Decimal(5)


def test_an_older_delivery_that_was_never_seen_is_known_by_the_days_it_lacks(
    lake: Lake, lake_store: Store, tmp_path: Path
) -> None:
    older, newer = deliver(tmp_path, "one", [1]), deliver(tmp_path, "two", [1, 2])
    load(lake, lake_store, newer)
    with pytest.raises(DeliveryRefused, match="ends on 2026-05-01"):
        load(lake, lake_store, older)


def test_a_delivery_that_is_not_all_there_is_refused(lake: Lake, lake_store: Store, tmp_path: Path) -> None:
    deliver(tmp_path, "one", [1])
    folder = deliver(tmp_path, "two", [1], keep=1)
    for path in (folder, folder / "report-Manifest.json", tmp_path):
        with pytest.raises(DeliveryRefused, match=r"two/report-2\.csv\.gz, and it is not here"):
            load(lake, lake_store, path)


def test_deliveries_without_their_manifests_are_not_added_up(
    lake: Lake, lake_store: Store, tmp_path: Path
) -> None:
    for number in (1, 2):
        write(tmp_path / f"{number:08}-0000-4000-8000-000000000000" / "report-1.csv", CUR.text([{}]))
    with pytest.raises(DeliveryRefused, match="two deliveries of one period"):
        load(lake, lake_store, tmp_path)


def test_a_manifest_that_names_nothing_is_refused(lake: Lake, lake_store: Store, tmp_path: Path) -> None:
    manifest = {"assemblyId": "one", "billingPeriod": {"start": "20260501"}, "reportKeys": []}
    write(tmp_path / "report-Manifest.json", json.dumps(manifest))
    write(tmp_path / "report-1.csv", CUR.text([{}]))
    with pytest.raises(DeliveryRefused, match="names no files"):
        load(lake, lake_store, tmp_path)


def test_deliveries_that_nothing_puts_in_order_are_refused(
    lake: Lake, lake_store: Store, tmp_path: Path
) -> None:
    for name in ("one", "two"):
        deliver(tmp_path, name, [1], top=False)
    with pytest.raises(DeliveryRefused, match="the oldest first"):
        load(lake, lake_store, tmp_path)

"""Each delivery leaves a report; what is refused is kept aside, and can be tried again."""

from pathlib import Path
from typing import Any

import pytest

from bot.jobs import HANDLERS
from flows import deliveries, ingestion
from spend.errors import InputRefused, NotFound
from storage.snapshots import ImportReport, Outcome
from storage.sources.problems import MOST, Grade, Problem
from storage.sources.remote import Source
from tests.flows.world import FIN, Company
from tests.storage.lake import bills

GOOD = [{"BilledCost": "7", "ChargePeriodStart": "2026-06-03T00:00:00Z"}]
BAD = [*GOOD, {"BilledCost": "seven"}]


def bring(company: Company, *rows: dict[str, str], **asked: Any) -> ImportReport:
    path = bills.write(company.home.parent / "in" / "bill.csv", bills.text(rows))
    company.clock.turn(seconds=1)
    asked = {"source": None, "actor": FIN, "now": company.now, **asked}
    return ingestion.bring_in(company.desk, [path], **asked)


def refuse(company: Company, *rows: dict[str, str], **asked: Any) -> str:
    """The id of a delivery that is refused."""
    with pytest.raises(InputRefused):
        bring(company, *rows, **asked)
    return str(last(company)["id"])


def last(company: Company) -> dict[str, Any]:
    found: dict[str, Any] = deliveries.listed(company.desk).to_data()["deliveries"][0]
    return found


def aside(company: Company) -> list[str]:
    folder = company.home / "lake" / "quarantine"
    return sorted(one.name for one in folder.iterdir()) if folder.exists() else []


def test_an_import_leaves_a_report_with_its_bills(company: Company) -> None:
    report = bring(company, *GOOD, source="aws")
    shown = deliveries.show(company.desk, report.delivery or "")
    told = [shown[name] for name in ("outcome", "source", "format", "actor")]
    assert told == ["imported", "aws", "focus", FIN]
    assert (shown["rows"], shown["rejected"], str(shown["newest_day"])) == (1, 0, "2026-06-03")
    assert shown["place"].endswith("in/bill.csv")
    assert shown["snapshots"] == report.to_data()["snapshots"]
    bring(company, *GOOD, source="aws")
    assert [one["outcome"] for one in deliveries.listed(company.desk, "aws").to_data()["deliveries"]] == [
        "unchanged",
        "imported",
    ]
    assert deliveries.listed(company.desk, "gcp").to_data()["deliveries"] == []


def test_a_refused_delivery_is_told_with_its_places_and_stays_in_the_audit_log(company: Company) -> None:
    key = refuse(company, *BAD)
    shown = deliveries.show(company.desk, key)
    assert (shown["outcome"], shown["source"], shown["rows"], shown["rejected"]) == ("refused", "focus", 2, 1)
    assert shown["problems"] == [{"grade": "block", "code": "money_unreadable", "count": 1}]
    (place,) = shown["places"]
    assert (place["line"], place["column"], place["grade"]) == (3, "BilledCost", "block")
    (entry,) = company.entries(key)
    assert (entry["event"], entry["actor"]) == ("delivery.refuse", FIN)
    assert "“seven” is not an amount" in entry["reason"]
    assert company.ledger() == {}


@pytest.mark.parametrize(
    ("asked", "header", "source"),
    [
        ({"source": "aws"}, "nonsense", "aws"),
        ({"dialect": "azure"}, "nonsense", "azure"),
        ({}, "BillingCurrency,ChargePeriodStart", "focus"),
        ({}, "nonsense", "unknown"),
    ],
    ids=["named", "by its format", "by its header", "unknown"],
)
def test_a_refused_delivery_has_a_source_even_so(
    on_sqlite: Company, asked: dict[str, Any], header: str, source: str
) -> None:
    path = bills.write(on_sqlite.home.parent / "bill.csv", f"{header}\n1\n")
    with pytest.raises(InputRefused):
        ingestion.bring_in(on_sqlite.desk, [path], **{"source": None, **asked}, actor=FIN, now=on_sqlite.now)
    assert last(on_sqlite)["source"] == source


def test_a_kind_of_problem_is_counted_whole_and_its_places_are_few() -> None:
    kinds = [("too_old", Grade.NOTE), ("list_cost_missing", Grade.WARN)]
    problems = [
        Problem("a.csv", at, None, code, "…", grade) for code, grade in kinds for at in range(MOST + 9)
    ]
    outcome = Outcome("s", "aws", "1", None, "current", 9000, warnings={"list_cost_missing": 4321})
    told = deliveries.told(ImportReport([outcome], problems))
    assert [(one["code"], one["count"]) for one in told["counts"]] == [
        ("too_old", MOST + 9),
        ("list_cost_missing", 4321),
    ]
    assert len(told["places"]) == 2 * MOST


def test_what_was_refused_is_kept_aside_once_and_no_question_reads_it(company: Company) -> None:
    bring(company, *GOOD)
    before = company.ledger()
    key = refuse(company, *BAD)
    again = refuse(company, *BAD)
    assert aside(company) == [key]
    assert deliveries.show(company.desk, again)["quarantine"].endswith(key)
    assert company.ledger() == before
    assert len(list((company.home / "lake").rglob("part-*.parquet"))) == 1


def test_it_is_tried_again_from_there_and_let_go_when_it_succeeds(on_sqlite: Company) -> None:
    rows = [{**GOOD[0], "BillingCurrency": ""}]
    path = bills.write(on_sqlite.home.parent / "bill.csv", bills.text(rows, without=["BillingCurrency"]))
    on_sqlite.with_org(sources={"azure-eu": Source("azure-eu", str(path))})
    with pytest.raises(InputRefused, match="--currency"):
        ingestion.bring_in_source(on_sqlite.desk, "azure-eu", actor=FIN, now=on_sqlite.now)
    key = last(on_sqlite)["id"]
    path.unlink()
    on_sqlite.clock.turn(seconds=1)
    with pytest.raises(InputRefused):
        ingestion.retry(on_sqlite.desk, key, actor=FIN, now=on_sqlite.now)
    assert aside(on_sqlite) == [key]
    on_sqlite.with_org(sources={"azure-eu": Source("azure-eu", str(path), currency="EUR")})
    report = ingestion.retry(on_sqlite.desk, last(on_sqlite)["id"], actor=FIN, now=on_sqlite.now)
    assert (report.source, report.snapshots[0].totals[0]["currency"]) == ("azure-eu", "EUR")
    assert aside(on_sqlite) == []
    with pytest.raises(NotFound, match="kept aside"):
        ingestion.retry(on_sqlite.desk, key, actor=FIN, now=on_sqlite.now)


def test_a_folder_is_kept_with_its_names_and_read_from_there(on_sqlite: Company) -> None:
    folder = on_sqlite.home.parent / "azure"
    for name in ("actual/part.csv", "more/part.csv.gz"):
        bills.write(folder / name, bills.text(GOOD, without=["BillingCurrency"]))
    bills.write(folder / "notes.txt", "not ours")
    with pytest.raises(InputRefused):
        ingestion.bring_in(on_sqlite.desk, [folder], source=None, actor=FIN, now=on_sqlite.now)
    key = last(on_sqlite)["id"]
    kept = Path(deliveries.show(on_sqlite.desk, key)["quarantine"])
    names = sorted(str(one.relative_to(kept)) for one in kept.rglob("*") if one.is_file())
    assert names == ["files/0/actual/part.csv", "files/0/more/part.csv.gz", "report.json"]
    report = ingestion.retry(on_sqlite.desk, key, currency="CHF", actor=FIN, now=on_sqlite.now)
    assert (report.snapshots[0].rows, report.snapshots[0].totals[0]["currency"]) == (2, "CHF")


def test_where_nobody_sat_at_it_a_channel_hears_of_the_first_refusal(on_sqlite: Company) -> None:
    path = bills.write(on_sqlite.home.parent / "bill.csv", bills.text(BAD))
    on_sqlite.with_org(sources={"aws": Source("aws", str(path))}, data_channel="C_DATA_QUALITY")
    with on_sqlite.store.writing(on_sqlite.now) as unit:
        unit.enqueue("import", "nightly", args={"source": "aws"})
    (job,) = on_sqlite.jobs("import")
    for rows in (BAD, BAD, GOOD, BAD):
        bills.write(path, bills.text(rows))
        on_sqlite.clock.turn(seconds=1)
        HANDLERS["import"](on_sqlite.desk, job, on_sqlite.now)
    refused = [one for one in deliveries.listed(on_sqlite.desk).to_data()["deliveries"] if one["rows"] == 2]
    told = [text for _, text in on_sqlite.told("C_DATA_QUALITY")]
    assert [text.rpartition("show ")[2] for text in told] == [
        f"{refused[at]['id']}` has all." for at in (2, 0)
    ]
    assert told[0].startswith("A delivery of aws was refused: “seven” is not an amount")
    refuse(on_sqlite, *BAD)  # whoever types the command reads it there
    assert len(on_sqlite.told("C_DATA_QUALITY")) == 2


def test_the_files_can_be_let_go_and_the_report_stays(company: Company) -> None:
    key = refuse(company, *BAD)
    deliveries.drop(company.desk, key, actor=FIN, now=company.now)
    assert aside(company) == []
    assert company.events(key) == ["delivery.refuse", "delivery.drop"]
    assert deliveries.show(company.desk, key)["quarantine"] is None
    with pytest.raises(NotFound, match="There is no delivery"):
        deliveries.drop(company.desk, "delivery-none", actor=FIN, now=company.now)

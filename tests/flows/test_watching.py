"""People hear once that a source is late, silent or shrunk, and once that it is over."""

import json
import re
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from bot.jobs import HANDLERS
from bot.metrics import Metrics
from flows import deliveries, ingestion, overdue, watching
from spend.period import DAY
from storage import ids, tables
from storage.deliveries import IMPORTED
from storage.store import Store
from tests.flows.world import FIN, Company, charge
from tests.storage.lake import bills

HOUR = timedelta(hours=1)


def arrived(store: Store, at: datetime, day: date, source: str = "aws") -> None:
    """A delivery that was imported then, and ends with this day."""
    row = tables.Delivery(
        id=ids.new("delivery"),
        source=source,
        dialect="aws-cur",
        place="s3://bills",
        actor="bursar",
        outcome=IMPORTED,
        at=at,
        rows=1,
        rejected=0,
        day=day,
        snapshots=[],
        problems={"counts": [], "places": []},
        invoices=[],
    )
    with store.writing(at) as unit:
        unit.add(row)


def daily(company: Company, count: int) -> None:
    """Deliveries of the last days, each with the day before its own, the last one just now."""
    for back in reversed(range(count)):
        arrived(company.store, company.now - back * DAY, (company.now - (back + 1) * DAY).date())


def look(company: Company, *, hours: int = 0) -> list[str]:
    """What is wrong so many hours later."""
    company.clock.turn(seconds=hours * 3600)
    watching.watch(company.desk, company.now)
    return [one["condition"] for one in deliveries.listed(company.desk).to_data()["watched"]]


def posts(company: Company) -> list[tuple[str | None, str, str | None]]:
    return [(row.channel, row.template, row.thread) for row in company.messages("post")]


def events(company: Company, event: str) -> list[dict[str, Any]]:
    return [entry for row in rows(company) for entry in company.entries(row.id) if entry["event"] == event]


def rows(company: Company) -> list[tables.Watched]:
    with company.store.reading() as session:
        return sorted(session.query(tables.Watched), key=lambda row: (row.told_at, row.condition))


def test_a_late_source_is_told_once_where_the_settings_say_and_once_that_it_is_over(company: Company) -> None:
    company.with_org(data_channel="C_DATA_QUALITY")
    daily(company, 7)
    assert look(company, hours=30) == []
    assert look(company, hours=1) == ["late"]
    assert look(company, hours=1) == ["late"]
    (row,) = rows(company)
    surface = f"watched:{row.id}"
    assert posts(company) == [("C_DATA_QUALITY", "watched", None)]
    assert row.details == {"limit": 30 * 3600, "learned": True, "day": "2026-06-16"}
    (alarm,) = events(company, "source.alarm")
    assert (alarm["actor"], alarm["after"]["source"], alarm["after"]["condition"]) == (
        "bursar",
        "aws",
        "late",
    )
    arrived(company.store, company.now, date(2026, 6, 18))
    assert look(company) == []
    assert posts(company)[1:] == [("C_DATA_QUALITY", "sentence", surface)]
    assert company.told("C_DATA_QUALITY")[1] == ("sentence", "aws is back to normal.")
    assert [one["after"] for one in events(company, "source.recover")] == [{"source": "aws"}]
    assert look(company, hours=38) == []  # the gap of 32 hours was learned from
    assert look(company, hours=1) == ["late", "silent"]


def test_with_few_deliveries_a_source_is_silent_after_36_hours(company: Company) -> None:
    daily(company, 5)
    assert look(company, hours=36) == []
    assert look(company, hours=1) == ["silent"]
    assert posts(company) == [("C_FIN", "watched", None)]


def test_an_archive_that_was_imported_once_is_never_silent(on_sqlite: Company) -> None:
    arrived(on_sqlite.store, on_sqlite.now, date(2025, 12, 31))
    assert look(on_sqlite, hours=500) == []


def bring(company: Company, lines: int) -> None:
    """Import a bill of so many lines of ten euros, all of one day."""
    day = date(2026, 6, 14)
    path = bills.write(
        company.home.parent / "bill.csv", bills.text([charge(day, "10", currency="EUR")] * lines)
    )
    company.clock.turn(seconds=60)
    ingestion.bring_in(company.desk, [path], source="aws", actor=FIN, now=company.now)


def test_a_bill_that_shrinks_is_imported_and_told_until_it_is_as_large_as_before(company: Company) -> None:
    bring(company, 140)
    bring(company, 138)
    assert rows(company) == []
    bring(company, 110)
    assert company.ledger()["EUR"][0] == 1100
    (row,) = rows(company)
    assert (row.source, row.condition, row.bill) == ("aws", "shrunk", "1001 2026-06-01")
    totals = [{"billed_cost": "1380", "currency": "EUR", "effective_cost": "1380"}]
    assert row.details["before"] == {"rows": 138, "totals": totals}
    assert (row.details["after"]["rows"], row.details["account"]) == (110, "1001")
    bring(company, 120)  # more than the last one, and still less than it was
    (row,) = rows(company)
    assert (row.details["before"]["rows"], row.details["after"]["rows"], row.ended_at) == (138, 120, None)
    assert [template for _, template, _ in posts(company)].count("watched") == 1
    bring(company, 139)
    (row,) = rows(company)
    assert row.ended_at is not None
    assert company.chain_holds()


def test_a_bill_that_rests_may_become_less(on_sqlite: Company) -> None:
    bring(on_sqlite, 10)
    on_sqlite.clock.turn(seconds=60 * 86400)
    bring(on_sqlite, 5)
    assert "shrunk" not in {row.condition for row in rows(on_sqlite)}


def test_the_clock_looks_once_an_hour_as_soon_as_there_is_a_delivery(company: Company) -> None:
    overdue.expire(company.desk, company.now)
    assert company.jobs("watch") == []
    daily(company, 5)
    for _ in range(3):
        overdue.expire(company.desk, company.now)
        company.clock.turn(seconds=1200)
    overdue.expire(company.desk, company.now)
    assert [job.key for job in company.jobs("watch")] == [
        "2026-06-17T12:00:00.000000Z",
        "2026-06-17T13:00:00.000000Z",
    ]
    company.clock.turn(seconds=37 * 3600)
    HANDLERS["watch"](company.desk, company.jobs("watch")[0], company.now)
    assert [row.condition for row in rows(company)] == ["silent"]


@pytest.mark.parametrize(
    "channels", [("C_A", "C_B", "C_C"), ("", "C_B", "C_C"), ("", "", "C_C"), ("", "", "")]
)
def test_the_named_channel_comes_before_finance_and_the_fallback(
    on_sqlite: Company, channels: tuple[str, str, str]
) -> None:
    named, finance, fallback = channels
    on_sqlite.with_org(data_channel=named or None, finance_channel=finance, fallback_channel=fallback or None)
    assert on_sqlite.desk.org.told_of_data == next(filter(None, channels), "")
    daily(on_sqlite, 2)
    assert look(on_sqlite, hours=40) == ["silent"]
    assert [row.channel for row in on_sqlite.messages("post")] == list(filter(None, channels))[:1]


def test_the_details_of_what_was_told_are_plain_data(on_sqlite: Company) -> None:
    daily(on_sqlite, 2)
    look(on_sqlite, hours=40)
    assert json.loads(json.dumps(rows(on_sqlite)[0].details))["learned"] is False


def test_monitoring_reads_when_each_source_last_told_something_new(company: Company) -> None:
    daily(company, 2)
    told = Metrics(company.store).text().decode()
    (value,) = re.findall(r'bursar_last_delivery_timestamp_seconds\{source="aws"\} (\S+)', told)
    assert float(value) == company.now.timestamp()

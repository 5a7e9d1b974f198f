"""Spend that is not as expected: told once, grown in place, silent once somebody answered."""

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal

import pytest

from flows import anomalies, findings
from spend.errors import NotFound
from spend.finding import FindingState
from spend.money import total
from spend.period import DAY, Period
from storage import tables
from tests.flows.world import ANN, Company, charge

FIRST, SPIKE = date(2026, 5, 1), date(2026, 6, 14)


def rows(
    through: date, *, extra: Mapping[date, int] | None = None, also: Mapping[date, int] | None = None
) -> list[dict[str, str]]:
    """Six weeks of calm with a weekday rhythm, and what is above it on some days."""
    found = []
    for day in Period(FIRST, through + DAY).days():
        usual = Decimal(100 if day.weekday() < 5 else 60) + Decimal(day.day % 4)
        spike, other = (extra or {}).get(day, 0), (also or {}).get(day, 0)
        found += [
            charge(day, str(usual), team="web", service="Amazon EC2", resource="i-web", meter="BoxUsage"),
            charge(day, str(usual / 2 + other), team="web", service="AmazonCloudWatch", meter="Logs"),
            charge(day, str(usual), team="data", service="Amazon RDS", resource="db", meter="Instance"),
        ]
        if spike:
            found.append(
                charge(day, str(spike), team="web", service="Amazon EC2", resource="i-big", meter="BoxUsage")
            )
    return found


def look(company: Company, lines: list[dict[str, str]]) -> list[tables.Finding]:
    company.bill(lines)
    return anomalies.look(company.desk, company.now)


def test_a_calm_series_gives_no_notice(on_sqlite: Company) -> None:
    assert look(on_sqlite, rows(date(2026, 6, 16))) == []
    assert on_sqlite.findings() == []
    assert on_sqlite.messages() == []


def test_an_anomaly_is_told_once_to_its_owner_with_the_lines_that_explain_it(company: Company) -> None:
    (found,) = look(company, rows(SPIKE, extra={SPIKE: 300}))
    assert (found.team, found.kind, found.since, found.currency) == ("web", "anomaly", SPIKE, "USD")
    assert abs(found.amount - 300) < 15
    details = found.details
    assert (details["service"], details["account"]) == ("Amazon EC2", "123456789012")
    assert details["lines"][0]["where"]["resource"] == "i-big"
    told = total([*(Decimal(line["delta"]) for line in details["lines"]), Decimal(details["rest"])])
    assert told == Decimal(details["excess"]) == found.amount
    assert Decimal(details["actual"]) - Decimal(details["expected"]) == found.amount
    assert company.told("C_WEB") == [("finding", found.id)]
    assert company.told("C_DATA") == []
    assert anomalies.look(company.desk, company.now) == []
    assert company.told("C_WEB") == [("finding", found.id)]
    assert company.events(found.id) == ["finding.open"]


def test_an_incident_that_goes_on_grows_in_its_own_notice(company: Company) -> None:
    (found,) = look(company, rows(SPIKE, extra={SPIKE: 300}))
    company.clock.turn(days=1)
    assert look(company, rows(SPIKE + DAY, extra={SPIKE: 300, SPIKE + DAY: 300})) == []
    (grown,) = company.findings()
    assert grown.id == found.id
    assert grown.amount > found.amount + 250
    assert grown.since == SPIKE
    assert company.events(found.id) == ["finding.open", "finding.grow"]
    assert [one.surface for one in company.messages("update")] == [f"finding:{found.id}"]
    assert company.told("C_WEB") == [("finding", found.id)]


@pytest.mark.parametrize("verdict", [FindingState.EXPECTED, FindingState.NOT_MINE])
def test_what_was_answered_is_not_told_again_while_it_lasts(company: Company, verdict: FindingState) -> None:
    (found,) = look(company, rows(SPIKE, extra={SPIKE: 300}))
    findings.answer(company.desk, found.id, verdict=verdict, actor=ANN, now=company.now)
    company.clock.turn(days=1)
    assert look(company, rows(SPIKE + DAY, extra={SPIKE: 300, SPIKE + DAY: 300})) == []
    assert [row.state for row in company.findings()] == [verdict]
    assert company.told("C_WEB") == [("finding", found.id)]


def test_an_old_incident_is_no_news(on_sqlite: Company) -> None:
    on_sqlite.clock.turn(days=8)
    assert look(on_sqlite, rows(SPIKE + timedelta(days=8), extra={SPIKE: 300})) == []
    assert on_sqlite.findings() == []


def test_a_day_that_is_still_being_filled_counts_where_it_is_too_much_already(on_sqlite: Company) -> None:
    yesterday = SPIKE + 2 * DAY
    (found,) = look(on_sqlite, rows(yesterday, extra={yesterday - DAY: 300, yesterday: 300}))
    assert (found.since, abs(found.amount - 600) < 30) == (yesterday - DAY, True)


def test_one_incident_that_shows_in_two_services_is_one_notice(on_sqlite: Company) -> None:
    (found,) = look(on_sqlite, rows(SPIKE, extra={SPIKE: 300}, also={SPIKE: 150}))
    assert found.details["service"] == "Amazon EC2"
    assert {"service": "AmazonCloudWatch"} in [line["where"] for line in found.details["lines"]]
    assert found.amount > 400
    assert len(on_sqlite.told("C_WEB")) == 1


def test_a_charge_that_nobody_owns_is_told_to_finance(on_sqlite: Company) -> None:
    lines = [{**line, "Tags": "{}"} if line["ServiceName"] == "Amazon EC2" else line for line in rows(
        SPIKE, extra={SPIKE: 300}
    )]  # fmt: skip
    (found,) = look(on_sqlite, lines)
    assert found.team is None
    assert on_sqlite.told("C_FIN") == [("finding", found.id)]


def test_credits_tax_and_purchases_are_no_anomaly(on_sqlite: Company) -> None:
    calm = rows(SPIKE)
    for category in ("Tax", "Purchase", "Credit"):
        calm.append(charge(SPIKE, "900", team="web", service="Amazon EC2", category=category))
    calm.append(charge(SPIKE, "900", team="web", service="Amazon EC2", charge_class="Correction"))
    assert look(on_sqlite, calm) == []


def test_without_a_bill_there_is_nothing_to_look_at(company: Company) -> None:
    with pytest.raises(NotFound, match="There is no bill yet"):
        anomalies.look(company.desk, company.now)

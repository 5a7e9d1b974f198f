"""Estimates between two bills, of a real inventory: labelled, counted once, held against the bill."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from actions.errors import Unreadable
from bot.jobs import HANDLERS
from flows import digests, estimating, overview, spending
from flows.org import Account
from spend.errors import NotFound
from spend.estimate import Look
from spend.period import DAY, Period
from storage import estimates, tables
from storage.work import JobState
from tests.actions.world import ACCOUNT, NOW, REGION, World
from tests.flows.world import ANN, WEEK, Company, charge

OTHER = "999999999999"
NOON = date(2026, 6, 17)


def usage(day: date, amount: str, resource: str, team: str = "web") -> dict[str, str]:
    """A day of a box, whose meter counts 24 hours."""
    metered = {"RegionId": REGION, "ConsumedUnit": "Hrs", "ConsumedQuantity": "24"}
    return charge(day, amount, resource=resource, team=team, meter="BoxUsage:t3.medium") | metered


def look(company: Company) -> int:
    return estimating.look(company.desk, company.now)


def since(company: Company) -> estimating.Told:
    return estimating.since_bill(company.desk, company.now)


def amounts(company: Company) -> dict[tuple[date, str | None], Decimal]:
    return {(one.day, one.team): one.amount for one in since(company).days}


def fill(company: Company, cloud: World) -> Company:
    """A box that is billed, a new one, one of another team, and one that stands still; no disk is billed."""
    box, data, off = (cloud.instance(team, team=team) for team in ("web", "data", "web"))
    cloud.instance("new", team="web")
    cloud.ec2.stop_instances(InstanceIds=[off])
    company.bill(
        [
            usage(day, amount, one, team)
            for day in WEEK.days()
            for one, team, amount in ((box, "web", "2.4"), (data, "data", "7.2"))
        ]
    )
    return company


@pytest.fixture
def running(acting: Company, cloud: World) -> Company:
    return fill(acting, cloud)


@pytest.fixture
def embedded(on_sqlite: Company, cloud: World) -> Company:
    """The same where the kind of database does not matter."""
    on_sqlite.desk = replace(on_sqlite.desk, clouds=cloud.clouds)
    return fill(on_sqlite, cloud)


def test_what_runs_is_priced_by_the_last_days_of_the_bill_and_the_rest_is_told(embedded: Company) -> None:
    assert look(embedded) == 1
    # 0.1 of its own and 0.2 for one of its sort; nothing for the one that stands still.
    assert amounts(embedded) == {(NOON, "web"): Decimal("0.3"), (NOON, "data"): Decimal("0.3")}
    found = since(embedded)
    assert (found.complete_through, found.totals()) == (WEEK.end - DAY, {"USD": Decimal("0.6")})
    assert {one.team: one.priced_by for one in found.days} == {
        "web": {"kind": 1, "resource": 1}, "data": {"resource": 1},
    }  # fmt: skip
    assert [(one.day.day, one.hours, one.of_hours) for one in found.coverage] == [
        (15, 0, 24), (16, 0, 24), (17, 1, 12),
    ]  # fmt: skip
    assert found.coverage[-1].unpriced == {"volume gp2": 4}


def test_an_hour_counts_once_whoever_looks_and_a_missed_one_is_a_gap(running: Company) -> None:
    with running.store.writing(running.now) as unit:  # what nobody asks for any more is forgotten
        estimates.keep(unit, [Look(datetime(2026, 4, 16, 11, tzinfo=UTC), ACCOUNT, (), {})])
    news = []
    for minutes in (0, 30, 30, 120):
        running.clock.turn(minutes=minutes)
        news.append(look(running))
    assert news == [1, 0, 1, 1]
    with running.store.writing(running.now) as unit:  # another worker looked in the same hour, and was slower
        late = Look(datetime(2026, 6, 17, 15, tzinfo=UTC), ACCOUNT, (), {})
        early = replace(late, hour=late.hour.replace(hour=14))
        assert estimates.keep(unit, [late, early, early]) == 1
    assert since(running).totals("web") == {"USD": Decimal("0.9")}
    assert since(running).looks == (4, 24 + 24 + 15)
    with running.store.reading() as session:
        assert len(estimates.looks(session, Period(date(2026, 1, 1), NOON + DAY))) == 4


def test_an_account_that_does_not_answer_is_a_gap_of_its_own_until_it_does(embedded: Company) -> None:
    embedded.with_org(accounts={**embedded.desk.org.accounts, OTHER: Account(OTHER, "other")})
    for _ in range(2):
        with pytest.raises(Unreadable, match=OTHER):
            look(embedded)
    today = [one for one in since(embedded).coverage if one.day == NOON]
    assert [(one.account, one.hours) for one in today] == [(ACCOUNT, 1), (OTHER, 0)]
    assert since(embedded).totals("web") == {"USD": Decimal("0.3")}


def test_an_estimate_is_part_of_no_other_figure(embedded: Company) -> None:
    def figures() -> Any:
        digest = digests.build(embedded.desk, "web", WEEK, embedded.now)
        return embedded.ledger(), spending.costs(embedded.desk, by=("team",)).to_data(), digest.to_data()

    before = figures()
    look(embedded)
    assert figures() == before
    (team,) = overview.look(embedded.desk, actor=ANN, now=embedded.now).teams
    assert team.since is not None
    assert team.since.totals("web") == {"USD": Decimal("0.3")}


def test_when_the_bill_of_a_day_comes_the_estimate_is_held_against_it_and_anew_when_it_is_restated(
    running: Company,
) -> None:
    look(running)
    with running.store.writing(
        running.now
    ) as unit:  # the same was seen in each hour until midnight of the next day
        (seen,) = estimates.looks(unit.session, Period(NOON, NOON + DAY))
        estimates.keep(unit, [replace(seen, hour=seen.hour + timedelta(hours=n)) for n in range(1, 36)])
    running.clock.turn(hours=60)  # the bill of a day is complete two days later
    (box, data) = (row["resource_id"] for row in spending.costs(running.desk, by=("resource_id",)).rows)
    week = Period(WEEK.start, date(2026, 6, 19))

    def bill(others: str) -> None:
        """Ordinary days, the last with what ran between two looks, and with what nobody estimates."""
        lines = [
            usage(day, amount, one) for day in week.days() for one, amount in ((box, "7.2"), (data, "2.4"))
        ]
        running.bill([*lines, usage(week.end - DAY, others, "i-brief"), charge(week.end - DAY, "50")])

    bill("4.8")
    half, whole = estimating.reckoned(running.desk, running.now)
    assert (half.hours, half.estimated, half.billed, half.error) == (12, Decimal("7.2"), Decimal("9.6"), None)
    # The two boxes of 0.1 and 0.3 an hour, and the new one for 0.2.
    assert (whole.hours, whole.error) == (24, Decimal(0))
    assert whole.estimated == whole.billed == Decimal("14.4")
    assert (since(running).days, since(running).accuracy[0].within) == ((), 0)
    bill("5.4")
    assert [one.error for one in estimating.reckoned(running.desk, running.now)] == [None, Decimal("-4.0")]
    (known,) = since(running).accuracy
    assert (known.currency, known.days, known.within) == ("USD", 1, 4)
    assert estimating.reconcile(running.desk, running.now) == 0


def test_before_the_first_bill_the_hourly_job_counts_what_runs_and_prices_nothing(
    on_sqlite: Company, cloud: World
) -> None:
    on_sqlite.desk = replace(on_sqlite.desk, clouds=cloud.clouds)
    cloud.instance("a", team="web")
    job = tables.Job(id="j", state=JobState.RUNNING, kind="estimate", key="k", due_at=NOW, created_at=NOW)
    HANDLERS["estimate"](on_sqlite.desk, job, NOW)
    found = since(on_sqlite)
    assert (found.complete_through, found.days, found.looks) == (None, (), (1, 12))
    assert found.coverage[0].unpriced == {"instance t3.medium": 1, "volume gp2": 1}
    on_sqlite.with_org(accounts={})
    with pytest.raises(NotFound, match="under accounts"):
        look(on_sqlite)

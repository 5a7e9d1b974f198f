"""The weekly digest: its parts add up to the ledger, whatever the week, and it is posted once."""

import threading
from datetime import date, timedelta
from decimal import Decimal

import pytest

from flows import digests, spending
from flows.cards import MOST_TARGETS
from spend.digest import Digest, Figure
from spend.errors import NotFound
from spend.money import cents, total
from spend.period import Period
from storage import ledger, tables
from storage.store import Store
from tests.flows.world import BEFORE, BILL, COMPLETE, SINCE, WEEK, Company, charge, daily

NEXT = Period(WEEK.end, WEEK.end + timedelta(days=7))


def build(company: Company, team: str | None = "web", week: Period | None = WEEK) -> Digest:
    return digests.build(company.desk, team, week, company.now)


def figure(digest: Digest, currency: str = "USD") -> Figure:
    (found,) = [one for one in digest.figures if one.currency == currency]
    return found


def in_ledger(company: Company, span: Period, team: str | None = "web", currency: str = "USD") -> Decimal:
    with company.store.reading() as session:
        entries = ledger.standing(session, team=team, period=span)
    return cents(total(entry.effective for entry in entries if entry.currency == currency))


def adds_up(one: Figure) -> bool:
    """Movers + other = change = total - before, to the cent, as it is displayed."""
    moved = total([*(move.change for move in one.moves), one.other])
    return moved == one.change == one.total - one.before and all(
        move.change == move.now - move.before for move in one.moves
    )


@pytest.mark.parametrize("team", ["web", "data", None])
def test_the_total_is_the_ledgers_and_the_movers_explain_the_change(
    billed_on_sqlite: Company, team: str | None
) -> None:
    digest = build(billed_on_sqlite, team)
    for one in digest.figures:
        assert one.total == in_ledger(billed_on_sqlite, WEEK, team, one.currency)
        assert one.before == in_ledger(billed_on_sqlite, WEEK.before(), team, one.currency)
        assert adds_up(one)
    assert digest.complete_through == COMPLETE
    assert digest.week == WEEK


def test_the_movers_are_named_and_the_largest_comes_first(billed_on_sqlite: Company) -> None:
    shop, cluster = figure(build(billed_on_sqlite)).moves
    assert (shop.name, shop.now, shop.before, shop.change) == (
        "Amazon EC2 · shop", Decimal("86.42"), Decimal("70.00"), Decimal("16.42"),
    )  # fmt: skip
    assert (cluster.name, cluster.pool) == ("Amazon EC2, share of platform", "platform")
    assert figure(build(billed_on_sqlite)).budget is not None


def test_each_currency_is_told_by_itself(billed_on_sqlite: Company) -> None:
    digest = build(billed_on_sqlite, "data")
    assert [one.currency for one in digest.figures] == ["EUR", "USD"]
    euros = figure(digest, "EUR")
    assert [euros.total, euros.before, euros.change] == [Decimal(28), 28, 0]
    assert euros.moves == ()
    assert euros.budget is None
    assert {(one.day, one.currency) for one in digest.daily} >= {(WEEK.start, "EUR"), (WEEK.start, "USD")}


def test_a_week_of_credits_is_a_negative_total_that_still_adds_up(company: Company) -> None:
    credit = charge(
        WEEK.start, "-500.005", team="web", service="AWS Credits", category="Credit", billed="-500"
    )
    company.bill([*BILL, credit])
    digest = build(company)
    one = figure(digest)
    assert one.total < 0 < one.before
    assert one.total == in_ledger(company, WEEK)
    assert adds_up(one)
    assert one.moves[0].name == "AWS Credits"


def test_a_team_without_spend_gets_a_digest_without_figures(company: Company) -> None:
    company.bill(daily("5", team="data", service="Amazon RDS", resource="db"))
    assert build(company).figures == ()
    assert build(company).team == "web"


def test_a_team_that_is_new_this_week_moves_from_nothing(company: Company) -> None:
    company.bill([*daily("5", team="data", resource="db"), *daily({SINCE: "3"}, team="web", resource="i-1")])
    one = figure(build(company))
    assert [one.total, one.before, one.change] == [Decimal(21), 0, 21]
    assert adds_up(one)


def test_five_hundred_services_give_three_movers_and_the_rest(company: Company) -> None:
    rows = [
        charge(day, f"{number / 1000 + 0.001:.4f}", team="web", service=f"Service {number:03}")
        for number in range(500)
        for day in (BEFORE.start, WEEK.start, WEEK.start + timedelta(days=number % 7))
    ]
    company.bill(rows)
    one = figure(build(company))
    assert len(one.moves) == 3
    assert adds_up(one)
    assert one.total == in_ledger(company, WEEK)


def test_a_digest_is_posted_once_with_its_detail_in_the_thread(billed: Company) -> None:
    key, digest = billed.digest()
    assert digests.publish(billed.desk, "web", WEEK, billed.now) is None
    posted = [(one.template, one.subject, one.channel, one.thread) for one in billed.messages("post")]
    assert posted == [
        ("digest", key, "C_WEB", None), ("digest_detail", key, "C_WEB", f"digest:{key}"),
    ]  # fmt: skip
    (entry,) = billed.entries(key)
    assert entry["event"] == "digest.publish"
    assert Digest.from_data(entry["after"]) == digest
    assert digests.publish(billed.desk, "data", WEEK, billed.now) is not None


def test_two_workers_post_a_digest_once(billed: Company) -> None:
    stores, start = [Store(billed.store.url) for _ in range(2)], threading.Barrier(2)
    made: list[tables.Digest | None] = []

    def work(store: Store) -> None:
        own = Company(store, billed.home)
        start.wait(10)
        made.append(digests.publish(own.desk, "web", WEEK, own.now))

    threads = [threading.Thread(target=work, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len([one for one in made if one is not None]) == 1
    assert len(billed.messages("post")) == 2
    for store in stores:
        store.close()


def test_a_week_that_was_restated_since_its_digest_is_told_in_the_next_one(billed: Company) -> None:
    _, first = billed.digest()
    assert build(billed, week=NEXT).corrections == ()
    billed.bill([*BILL, *daily({WEEK: "1.11"}, team="web", service="Amazon SQS", resource="queue")])
    again = build(billed)
    (correction,) = build(billed, week=NEXT).corrections
    assert correction.amount == figure(again).total - figure(first).total
    assert correction.amount > Decimal("7.7")
    with billed.store.reading() as session:
        (row,) = session.query(tables.Digest)
        assert Digest.from_data(row.figures) == first


def test_the_last_whole_week_is_the_one_that_is_told(billed_on_sqlite: Company) -> None:
    assert build(billed_on_sqlite, week=None).week == WEEK
    for today, monday in (
        (date(2026, 6, 15), date(2026, 6, 8)),
        (date(2026, 6, 21), date(2026, 6, 8)),
        (date(2026, 6, 22), date(2026, 6, 15)),
        (date(2026, 1, 1), date(2025, 12, 22)),
    ):
        assert digests.last_week(today) == Period(monday, monday + timedelta(days=7))


def test_without_a_bill_or_a_team_there_is_no_digest(company: Company) -> None:
    with pytest.raises(NotFound, match="There is no bill yet"):
        build(company)
    with pytest.raises(NotFound, match="There is no team 'ops'"):
        build(company, "ops")


def test_open_findings_and_plans_on_the_teams_own_things_are_in_it(billed_on_sqlite: Company) -> None:
    from tests.storage.rows import finding

    company = billed_on_sqlite
    plan = company.plan()
    with company.store.writing(company.now) as unit:
        unit.add(finding("f1", team="web"))
        unit.add(finding("f2", team="data"))
        unit.add(finding("f3", team="web", state="resolved"))
    digest = build(company)
    assert [one.id for one in digest.findings] == ["f1"]
    assert [(one.id, one.targets, one.currency) for one in digest.waiting] == [(plan.id, 1, "USD")]
    assert build(company, "data").waiting == ()
    company.clock.turn(hours=4)
    assert build(company).waiting == ()


def test_a_long_plan_has_its_targets_in_the_thread(company: Company) -> None:
    plan = company.plan(ids=[f"i-{number}" for number in range(MOST_TARGETS + 1)])
    assert [(one.template, one.thread) for one in company.messages("post")] == [
        ("plan", None), ("warned", None), ("plan_detail", f"plan:{plan.id}"),
    ]  # fmt: skip


def test_spending_by_team_adds_up_to_the_bill_in_each_currency(billed_on_sqlite: Company) -> None:
    company = billed_on_sqlite
    by_team = spending.costs(company.desk, by=["team"])
    whole = spending.costs(company.desk, by=[])
    for currency in ("USD", "EUR"):
        for basis in ("effective_cost", "billed_cost"):
            parts = [row[basis] for row in by_team.rows if row["currency"] == currency]
            assert total(parts) == next(row[basis] for row in whole.totals if row["currency"] == currency)
    assert {row["team"] for row in by_team.rows} == {"web", "data", None}
    assert by_team.complete_through == COMPLETE


def test_spending_is_narrowed_by_team_service_and_days(billed_on_sqlite: Company) -> None:
    company = billed_on_sqlite
    found = spending.costs(
        company.desk, by=["team", "service_name"], where={"team": "web", "service_name": "Amazon S3"},
        start=WEEK.start, end=WEEK.end,
    )  # fmt: skip
    assert [(row["team"], row["service_name"], row["effective_cost"]) for row in found.rows] == [
        ("web", "Amazon S3", 21)
    ]
    unowned = spending.costs(
        company.desk, by=["service_name"], where={"team": ""}, start=WEEK.start, end=WEEK.end
    )
    assert {row["service_name"]: row["effective_cost"] for row in unowned.rows} == {
        "Amazon S3": 42, "AWS Lambda": 14,
    }  # fmt: skip
    with pytest.raises(NotFound):
        spending.costs(company.desk, by=["team", "colour"])

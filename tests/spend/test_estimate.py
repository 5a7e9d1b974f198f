"""Estimates: what has no price is counted, gaps are told, errors are shown; nothing is made up."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from spend.estimate import Accuracy, Line, Look, Reckoned, accuracy, by_day, coverage, look
from spend.money import total
from spend.prices import Price, Prices, Thing

DAY = date(2026, 6, 15)
HOUR = datetime(2026, 6, 16, 10, tzinfo=UTC)
BOX = Thing("i-1", "a", "eu", "instance", "m5.large", 1, "web")
DISK = Thing("vol-1", "a", "eu", "volume", "gp3", 20, "web")
PRICES = Prices({"i-1": Price("USD", Decimal("0.1"), "resource")}, {})


def test_what_has_no_price_is_counted_and_nothing_is_made_up() -> None:
    new = replace(BOX, id="i-9", unit="p5.48xlarge")
    seen = look(HOUR, "a", [BOX, new, replace(new, id="i-8"), DISK], PRICES)
    assert seen.lines == (Line("instance", "m5.large", "web", 1, "USD", Decimal("0.1"), "resource"),)
    assert seen.unpriced == {"instance p5.48xlarge": 2, "volume gp3": 1}
    assert Line.from_data(seen.lines[0].to_data()) == seen.lines[0]
    assert look(HOUR, "a", [BOX], Prices({}, {})).unpriced == {"instance m5.large": 1}


def test_a_volume_costs_its_gigabytes_and_things_of_one_sort_and_team_are_one_line() -> None:
    gigabyte = Prices({}, {(None, "eu", "volume", "gp3"): Price("USD", Decimal("0.01"), "kind")})
    disks = [DISK, replace(DISK, id="vol-2", size=50), replace(DISK, id="vol-3", team=None)]
    assert look(HOUR, "a", disks, gigabyte).lines == (
        Line("volume", "gp3", "web", 2, "USD", Decimal("0.7"), "kind"),
        Line("volume", "gp3", None, 1, "USD", Decimal("0.2"), "kind"),
    )


def test_currencies_are_never_added() -> None:
    two = tuple(Line("instance", "x", None, 1, each, Decimal(3), "kind") for each in ("EUR", "USD"))
    days = by_day([Look(HOUR, "a", two, {})])
    assert [(one.currency, one.amount) for one in days] == [("EUR", Decimal(3)), ("USD", Decimal(3))]


def test_hours_that_nobody_looked_are_told_and_not_filled_in() -> None:
    line = Line("instance", "m5.large", "web", 2, "USD", Decimal("0.1"), "resource")
    yesterday = HOUR - timedelta(hours=24)
    looks = [Look(yesterday + timedelta(hours=n), "a", (line,), {"volume gp3": n}) for n in range(3)]
    looks.append(Look(HOUR, "a", (line,), {}))
    assert total(one.amount for one in by_day(looks)) == Decimal("0.4")
    assert by_day(looks)[0].priced_by == {"resource": 6}
    told = coverage(looks, ["a", "b"], [DAY, HOUR.date()], HOUR + timedelta(minutes=5))
    assert [(one.day.day, one.account, one.hours, one.of_hours) for one in told] == [
        (15, "a", 3, 24), (15, "b", 0, 24), (16, "a", 1, 10), (16, "b", 0, 10),
    ]  # fmt: skip
    assert told[0].unpriced == {"volume gp3": 2}


def reckoned(day: int, estimated: str, billed: str, *, account: str = "a", hours: int = 24) -> Reckoned:
    return Reckoned(date(2026, 6, day), account, "USD", hours, Decimal(estimated), Decimal(billed))


def test_the_error_is_that_of_whole_days_and_the_worst_of_the_last_week_is_told() -> None:
    assert reckoned(1, "10.3", "10").error == Decimal("3.0")
    assert reckoned(1, "9", "10").error == Decimal("-10.0")
    assert reckoned(1, "9", "10", hours=23).error is None
    assert reckoned(1, "9", "0").error is None
    days = [reckoned(1, "20", "10"), *(reckoned(day, "9.65", "10") for day in range(2, 9))]
    assert accuracy(days) == [Accuracy("USD", 7, 4)]
    # Two accounts are one day; a day with a gap in one of them says nothing.
    both = [reckoned(1, "11", "10"), reckoned(1, "9", "10", account="b"), reckoned(2, "1", "9", hours=20)]
    assert accuracy(both) == [Accuracy("USD", 1, 0)]
    assert accuracy([reckoned(1, "1", "9", hours=20)]) == []

"""The month-end forecast: close, honest about its error, and never below what is spent."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spend.budget import Budget, stand
from spend.charge import Basis
from spend.forecast import Forecast, forecast
from spend.money import cents, total
from spend.period import DAY, month_of
from tests.spend.samples import START, calm, positive

OCTOBER = month_of(date(2026, 10, 1))


def whole(series: list[tuple[date, Decimal]]) -> Decimal:
    return total(amount for day, amount in series if day in OCTOBER)


@pytest.mark.parametrize("day", [1, 10, 20])
@pytest.mark.parametrize("weekend", [1.0, 0.6, 0.2])
def test_a_calm_month_is_forecast_within_four_percent(day: int, weekend: float) -> None:
    for seed in range(8):
        series = calm(seed, days=61, weekend=weekend)
        got = forecast(series, OCTOBER, date(2026, 10, day))
        assert abs(got.expected / whole(series) - 1) < Decimal("0.04")
        assert got.low <= got.expected <= got.high


@pytest.mark.parametrize("day", [5, 10, 20])
def test_most_months_end_inside_the_interval(day: int) -> None:
    inside = 0
    for seed in range(60):
        series = calm(seed, days=61, noise=0.15)
        got = forecast(series, OCTOBER, date(2026, 10, day))
        inside += got.low <= whole(series) <= got.high
    assert inside >= 45


def test_the_interval_narrows_as_the_month_goes_by() -> None:
    series = calm(1, days=61)
    widths = [
        got.high - got.low
        for got in (forecast(series, OCTOBER, date(2026, 10, day)) for day in (5, 15, 25, 30))
    ]
    assert widths == sorted(widths, reverse=True)


def test_when_the_month_is_over_nothing_is_uncertain() -> None:
    series = calm(1, days=61)
    spent = cents(whole(series))
    assert forecast(series, OCTOBER, date(2026, 10, 31)) == Forecast(spent, spent, spent, spent)


def test_what_is_known_later_is_not_looked_at() -> None:
    series = calm(1, days=61)
    early = date(2026, 10, 9)
    assert forecast(series, OCTOBER, early) == forecast(series[:39], OCTOBER, early)


def test_a_fee_of_the_first_day_is_not_spread_over_the_days_to_come() -> None:
    plain = calm(2, days=61)
    fee = [(day, amount + (2000 if day.day == 1 else 0)) for day, amount in plain]
    on = date(2026, 10, 12)
    extra = forecast(fee, OCTOBER, on).expected - forecast(plain, OCTOBER, on).expected
    assert 1900 <= extra <= 2100


def test_a_fee_that_is_still_to_come_is_foreseen() -> None:
    fee = [(day, amount + (2000 if day.day == 1 else 0)) for day, amount in calm(2, days=61)]
    got = forecast(fee, OCTOBER, date(2026, 9, 30))
    assert abs(got.expected / whole(fee) - 1) < Decimal("0.04")


def test_a_spike_that_is_over_does_not_go_on() -> None:
    spike = calm(3, days=61, shape=lambda n: 9.0 if n == 38 else 1.0)
    got = forecast(spike, OCTOBER, date(2026, 10, 15))
    assert abs(got.expected / whole(spike) - 1) < Decimal("0.04")


def test_nothing_known_forecasts_nothing() -> None:
    zero = Decimal("0.00")
    assert forecast([], OCTOBER, date(2026, 10, 9)) == Forecast(zero, zero, zero, zero)


@given(st.lists(positive, min_size=1, max_size=40), st.integers(0, 40))
def test_a_forecast_is_never_below_what_is_spent_and_has_whole_cents(
    lines: list[Decimal], ahead: int
) -> None:
    series = [(START + n * DAY, amount) for n, amount in enumerate(lines)]
    got = forecast(series, OCTOBER, START + ahead * DAY)
    assert got.spent <= got.low <= got.expected <= got.high
    assert all(cents(part) == part for part in (got.expected, got.low, got.high, got.spent))


def test_a_month_of_credits_is_forecast_below_zero() -> None:
    series = [(START + n * DAY, Decimal(-10)) for n in range(40)]
    got = forecast(series, OCTOBER, START + 39 * DAY)
    assert got.low <= got.expected == -310


@pytest.mark.parametrize(
    ("spent", "expected", "share", "over"),
    [("250", "900", "0.25", False), ("250", "1000", "0.25", False), ("1", "1000.01", "0.001", True)],
)
def test_a_budget_is_over_when_the_month_is_expected_to_end_above_it(
    spent: str, expected: str, share: str, over: bool
) -> None:
    standing = stand(Budget(Decimal(1000), "USD"), Decimal(spent), Decimal(expected))
    assert (standing.share, standing.over) == (Decimal(share), over)
    assert standing.budget.basis is Basis.EFFECTIVE


def test_a_budget_that_is_spent_already_is_over_whatever_credits_may_come() -> None:
    assert stand(Budget(Decimal(10), "USD"), Decimal(11), Decimal(9)).over


@pytest.mark.parametrize("amount", ["0", "-5"])
def test_a_budget_of_nothing_is_refused(amount: str) -> None:
    with pytest.raises(ValueError, match="above zero"):
        Budget(Decimal(amount), "USD")

"""The detector: each planted anomaly is one incident, and calm series give none."""

import random
from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spend.anomaly import AnomalyKind, Incident, detect
from spend.baseline import Event, EventKind
from spend.money import cents, total
from spend.period import DAY
from tests.spend.samples import START, calm

Series = list[tuple[date, Decimal]]


def found(series: Series, **facts: object) -> list[Incident]:
    facts = {"complete_through": series[-1][0]} | facts
    return detect(series, **facts)  # type: ignore[arg-type]  # a test names the facts it means


def on(days: range, factor: float) -> Callable[[int], float]:
    return lambda n: factor if n in days else 1.0


@pytest.mark.parametrize("base", [2.0, 40.0, 900.0])
@pytest.mark.parametrize("weekend", [1.0, 0.6, 0.2])
def test_calm_series_give_no_incident(base: float, weekend: float) -> None:
    for seed in range(12):
        assert found(calm(seed, base=base, weekend=weekend)) == []


@pytest.mark.parametrize("noise", [0.001, 0.03, 0.10])
def test_the_bill_may_be_exact_or_noisy(noise: float) -> None:
    for seed in range(12):
        assert found(calm(seed, noise=noise, days=90)) == []


def test_steady_growth_is_not_an_incident() -> None:
    for seed in range(12):
        assert found(calm(seed, shape=lambda n: 1.002**n)) == []


@pytest.mark.parametrize("first", [26, 40, 55])
def test_a_spike_of_eight_times_for_three_days_is_one_incident(first: int) -> None:
    for seed in range(6):
        series = calm(seed, shape=on(range(first, first + 3), 8.0))
        [incident] = found(series)
        assert incident.kind is AnomalyKind.SPIKE
        assert (incident.start, incident.last) == (START + first * DAY, START + (first + 2) * DAY)
        assert incident.noticed == incident.start
        assert incident.over is (first + 3 + 3 <= len(series))


def test_an_incident_reports_what_its_days_cost_to_the_cent() -> None:
    series = calm(1, shape=on(range(50, 53), 8.0))
    [incident] = found(series)
    assert incident.actual == cents(total(amount for _, amount in series[50:53]))
    assert incident.actual - incident.expected == incident.excess
    usual = total(amount for _, amount in calm(1)[50:53])
    assert abs(incident.expected - usual) < usual * Decimal("0.1")
    assert all(cents(amount) == amount for amount in (incident.expected, incident.excess))


def test_a_ramp_of_egress_is_one_incident() -> None:
    for seed in range(6):
        [incident] = found(calm(seed, shape=lambda n: 1 + max(0, n - 53) * 0.5))
        assert START + 53 * DAY <= incident.start <= START + 56 * DAY
        assert incident.excess > 200


def test_a_slow_drift_is_found_by_its_sum() -> None:
    for seed in range(6):
        incidents = found(calm(seed, noise=0.02, base=300, days=80, shape=lambda n: 1.018 ** max(0, n - 55)))
        assert [incident.kind for incident in incidents] == [AnomalyKind.DRIFT]


def test_a_retry_storm_of_two_days_is_one_incident() -> None:
    for seed in range(6):
        [incident] = found(calm(seed, shape=on(range(56, 58), 3.0)))
        assert (incident.start, incident.last) == (START + 56 * DAY, START + 57 * DAY)


def test_a_service_never_seen_before_is_news() -> None:
    series = [(START + n * DAY, Decimal(240)) for n in range(57, 60)]
    [incident] = found(series, known_from=START)
    assert (incident.kind, incident.start) == (AnomalyKind.NEW, START + 57 * DAY)
    assert incident.expected == 0
    assert incident.excess == incident.actual == 720


def test_a_new_service_that_costs_little_is_no_news() -> None:
    assert found([(START + n * DAY, Decimal(9)) for n in range(50, 60)], known_from=START) == []


def test_a_service_whose_past_is_not_known_is_not_new() -> None:
    assert found([(START + n * DAY, Decimal(240)) for n in range(10)], known_from=START) == []


def test_a_service_that_vanished_is_missing() -> None:
    series = calm(2)[:56]
    [incident] = found(series, complete_through=START + 59 * DAY)
    assert (incident.kind, incident.start) == (AnomalyKind.MISSING, START + 56 * DAY)
    assert incident.actual == 0
    assert incident.excess < 0


def test_a_service_that_often_costs_nothing_is_not_missing() -> None:
    rng = random.Random(5)
    series = [(START + n * DAY, Decimal(rng.choice([0, 0, 60]))) for n in range(60)]
    assert found(series) == []


def test_credits_never_raise_an_alarm() -> None:
    series = calm(3)
    series[50] = (series[50][0], Decimal(-900))
    assert found(series) == []
    assert found([(day, -amount) for day, amount in series[:50]]) == []


def test_a_fee_at_the_start_of_the_month_that_came_before_is_no_alarm() -> None:
    fee = [(day, amount + (1500 if day.day == 1 and day > START else 0)) for day, amount in calm(4, days=95)]
    first_seen = found(fee[:32])
    assert [incident.start for incident in first_seen] == [date(2026, 10, 1)]
    assert not [incident for incident in found(fee) if incident.start > date(2026, 11, 1)]


def test_the_first_day_of_a_month_is_not_judged_before_another_was_seen() -> None:
    october = [(day + 31 * DAY, amount) for day, amount in calm(4)]
    fee = [(day, amount * (9 if day == date(2026, 11, 1) else 1)) for day, amount in october[:40]]
    assert fee[0][0].day == 2
    assert found(fee) == []
    stays = [
        (day, amount * (9 if day in {date(2026, 11, 1), date(2026, 11, 2)} else 1)) for day, amount in october
    ]
    assert [incident.start for incident in found(stays)] == [date(2026, 11, 2)]


def test_a_fee_that_is_seen_once_is_no_new_service() -> None:
    assert found([(date(2026, 10, 1), Decimal(900)), (date(2026, 10, 9), Decimal(0))], known_from=START) == []


def test_a_fee_alone_is_learned_from_the_month_before() -> None:
    fee = [(START + n * DAY, Decimal(900 if (START + n * DAY).day == 1 else 0)) for n in range(92)]
    assert found(fee) == []


def test_a_registered_launch_raises_what_is_expected() -> None:
    series = calm(5, shape=on(range(50, 60), 2.0))
    launch = Event(START + 50 * DAY, START + 70 * DAY, EventKind.LAUNCH, 2.0)
    assert found(series, events=[launch]) == []
    assert len(found(series)) == 1


def test_an_anomaly_inside_a_launch_is_still_found() -> None:
    series = calm(5, shape=lambda n: 16.0 if n == 57 else 2.0 if n >= 50 else 1.0)
    launch = Event(START + 50 * DAY, START + 70 * DAY, EventKind.LAUNCH, 2.0)
    [incident] = found(series, events=[launch])
    assert incident.start == START + 57 * DAY


def test_a_holiday_excuses_a_drop_but_not_a_rise() -> None:
    holiday = Event(START + 55 * DAY, START + 56 * DAY, EventKind.HOLIDAY)
    quiet = [(day, amount) for day, amount in calm(6) if not holiday.covers(day)]
    assert found(quiet, events=[holiday]) == []
    assert len(found(calm(6, shape=on(range(55, 57), 6.0)), events=[holiday])) == 1


def test_a_day_still_filling_can_confirm_an_excess_and_nothing_else() -> None:
    through = START + 57 * DAY
    assert found(calm(7, shape=on(range(58, 60), 0.1)), complete_through=through) == []
    [incident] = found(calm(7, shape=on(range(58, 60), 5.0)), complete_through=through)
    assert incident.kind is AnomalyKind.SPIKE


def test_what_lasts_is_one_incident_and_then_the_new_normal() -> None:
    for seed in range(6):
        incidents = found(calm(seed, days=110, shape=lambda n: 2.0 if n >= 50 else 1.0))
        assert [incident.over for incident in incidents] == [True]
        assert incidents[0].start == START + 50 * DAY


def test_a_few_dollars_more_are_not_worth_a_notice() -> None:
    assert found(calm(8, base=1.0, shape=on(range(50, 53), 8.0))) == []


def test_with_little_history_nothing_is_said() -> None:
    assert found(calm(9, days=20, shape=on(range(15, 17), 9.0))) == []
    assert detect([], complete_through=START) == []


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.randoms(use_true_random=False))
def test_the_order_of_the_records_changes_nothing(seed: int, rng: random.Random) -> None:
    series = calm(seed, shape=on(range(50, 53), 8.0))
    halves = [(day, amount / 2) for day, amount in series for _ in range(2)]
    rng.shuffle(halves)
    assert detect(halves, complete_through=series[-1][0]) == found(series)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.integers(30, 58))
def test_later_days_never_change_what_was_noticed(seed: int, cut: int) -> None:
    series = calm(seed, noise=0.1, shape=on(range(40, 43), 4.0))
    then = {(i.noticed, i.kind) for i in found(series[: cut + 1])}
    now = {(i.noticed, i.kind) for i in found(series) if i.noticed <= START + cut * DAY}
    assert then == now

"""What a day should cost is learned from earlier days: weekday, level, place in the month."""

from datetime import date

import pytest

from spend.baseline import WARM_UP, Event, EventKind, History, Outlook
from spend.period import DAY
from tests.spend.samples import START, calm


def told(days: int, *, events: tuple[Event, ...] = (), **shape: float) -> History:
    history = History(events)
    for day, amount in calm(1, days=days, **shape):  # type: ignore[arg-type]  # numbers only
        history.tell(day, float(amount), None)
    return history


def outlook(history: History, day: date) -> Outlook:
    found = history.outlook(day)
    assert found is not None
    return found


def test_nothing_is_expected_before_three_weeks_are_known() -> None:
    assert told(WARM_UP - 1).outlook(START + WARM_UP * DAY) is None
    assert told(WARM_UP).outlook(START + WARM_UP * DAY) is not None


@pytest.mark.parametrize("days", range(28, 35))
def test_weekends_are_expected_as_weekends_were(days: int) -> None:
    day = START + days * DAY
    usual = 20 if day.weekday() > 4 else 100
    assert outlook(told(days, weekend=0.2), day).expected == pytest.approx(usual, rel=0.08)


def test_noise_is_never_taken_for_less_than_a_few_percent() -> None:
    assert 0.035 <= outlook(told(56, noise=0.0001), START + 56 * DAY).noise < 0.04


def test_a_noisier_series_needs_a_larger_deviation() -> None:
    day = START + 56 * DAY
    quiet, loud = outlook(told(56, noise=0.03), day), outlook(told(56, noise=0.2), day)
    assert loud.noise > 2 * quiet.noise
    assert quiet.z(200) > 2 * loud.z(200)


def test_days_set_aside_teach_nothing_until_they_are_adopted() -> None:
    history = told(56)
    odd = [START + n * DAY for n in range(30, 56)]
    for day in odd:
        history.tell(day, 900.0, None)
    history.set_aside(odd)
    assert outlook(history, START + 56 * DAY).expected < 150
    history.adopt(odd)
    history.settle(odd[-5])
    assert outlook(history, START + 56 * DAY).expected > 600


def test_a_launch_multiplies_what_is_expected_by_its_factor() -> None:
    launch = Event(START + 50 * DAY, START + 60 * DAY, EventKind.LAUNCH, 3.0)
    day = START + 51 * DAY
    plain, launched = outlook(told(50), day), outlook(told(50, events=(launch,)), day)
    assert launched.expected == pytest.approx(3 * plain.expected)


def test_an_outlook_counts_deviations_in_usual_errors() -> None:
    even = Outlook(log=4.0, noise=0.1, offset=0.0, usual_top=60.0, least=0.5)
    assert even.z(even.expected) == pytest.approx(0)
    assert even.z(even.expected * 2) == pytest.approx(6.93, abs=0.01)
    assert Outlook(0.0, 0.1, 1.0, 1.0, 0.5).z(-50) == pytest.approx(0)

"""The guards of the moment: freeze, business hours, incidents and error budgets, each in words."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from actions.hours import BusinessHours, Freeze
from actions.moment import AGES, Budget, Incident, Moment, Told, against
from actions.window import DAYS, Window
from tests.actions.world import NOW

ALWAYS = Window(DAYS, "00:00", "24:00", "UTC")
BUDGET = Budget("checkout", "left", Decimal("0.2"))
HOUR = timedelta(hours=1)


def left(value: str) -> Told:
    return Told("prometheus:9090", left=Decimal(value), at=NOW)


def silent(**ago: float) -> Told:
    return Told("alerts:9093", wrong="alerts:9093 did not answer", at=NOW - timedelta(**ago))


def test_a_moment_of_which_nothing_is_asked_speaks_against_nothing() -> None:
    assert against(Moment(NOW)) is None


DENIALS: list[tuple[dict[str, Any], str]] = [
    (
        {"freezes": (Freeze("migration", ALWAYS),)},
        "the freeze migration is on (mon-sun 00:00-24:00 UTC)",
    ),
    ({"business": True}, "its runbook asks for business hours, and the settings have none"),
    (
        {"business": True, "hours": BusinessHours(Window(("thu",), "09:00", "17:00", "UTC"))},
        "it is outside business hours (thu 09:00-17:00 UTC), which begin again at 2026-06-18 09:00 UTC",
    ),
    (
        {"incidents": (Incident("checkout is down", "pager", NOW - HOUR),)},
        "an incident is open: checkout is down (pager, since 2026-06-17 11:00 UTC)",
    ),
    (
        {"listed": Told("alerts", incidents=(Incident("disk full", "alerts"),), at=NOW)},
        "an incident is open: disk full (alerts)",
    ),
    (
        {"listed": silent(minutes=20)},
        (
            "nobody can tell whether an incident is open: alerts:9093 did not answer; "
            "the last answer of alerts:9093 is over 15m old"
        ),
    ),
    (
        {"listed": Told("alerts", wrong="alerts answered with status 500")},
        (
            "nobody can tell whether an incident is open: alerts answered with status 500; "
            "alerts has never given an answer"
        ),
    ),
    (
        {"heard_within": HOUR},
        "nobody can tell whether an incident is open: the webhook has never given an answer",
    ),
    (
        {"heard_within": HOUR, "heard": NOW - 2 * HOUR},
        "nobody can tell whether an incident is open: the last answer of the webhook is over 1h old",
    ),
    (
        {"budget": BUDGET, "left": left("0.19")},
        "the error budget checkout has 19% left of at least 20%",
    ),
    (
        {"left": replace(silent(seconds=5), left=None)},
        (
            "nobody can tell what is left of the error budget: alerts:9093 did not answer; "
            "the last answer of alerts:9093 is under 1m old"
        ),
    ),
]


@pytest.mark.case("T30", "T31", "T32", "V16.5.3")
@pytest.mark.parametrize(("facts", "said"), DENIALS)
def test_each_guard_of_the_moment_says_why(facts: dict[str, Any], said: str) -> None:
    assert against(Moment(NOW, **facts)) == said


ALLOWED: list[dict[str, Any]] = [
    {"freezes": (Freeze("migration", Window(("thu",), "00:00", "24:00", "UTC")),)},
    {"hours": BusinessHours(Window(("thu",), "09:00", "17:00", "UTC"))},
    {"business": True, "hours": BusinessHours(ALWAYS)},
    {
        "business": True,
        "hours": BusinessHours(Window(("thu",), "09:00", "17:00", "UTC")),
        "until": NOW + 24 * HOUR,
    },
    {"listed": Told("alerts", at=NOW)},
    {"heard_within": HOUR, "heard": NOW - HOUR},
    {"budget": BUDGET, "left": left("0.2")},
]


@pytest.mark.parametrize("facts", ALLOWED)
def test_what_is_well_lets_a_plan_go(facts: dict[str, Any]) -> None:
    assert against(Moment(NOW, **facts)) is None


def test_an_age_is_told_in_steps_so_that_a_waiting_plan_is_not_told_of_every_second() -> None:
    told = {against(Moment(NOW, listed=silent(seconds=second))) for second in range(0, 100_000, 30)}
    assert len(told) == len(AGES) + 1


@pytest.mark.parametrize(("ago", "said"), [(59, "under 1m"), (60, "over 1m"), (3600, "over 1h")])
def test_a_step_of_an_age_begins_with_its_first_second(ago: int, said: str) -> None:
    assert str(against(Moment(NOW, listed=silent(seconds=ago)))).endswith(f"is {said} old")


def test_what_is_left_of_a_budget_that_the_settings_lost_lets_nothing_go() -> None:
    assert "nobody can tell what is left" in str(against(Moment(NOW, left=left("0.9"))))

"""The history checker itself: it is silent on a right history, and finds each kind of wrong one."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from actions.blast import ALL, Caps
from tests.history import Effect, check
from tests.storage.rows import target

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
STOP = "aws.stop_instances"
CAPS = Caps(percent_of_fleet=ALL)
Entry = dict[str, Any]


def entry(seq: int, event: str, subject: str = "plan-1", **after: Any) -> Entry:
    return {
        "seq": seq,
        "at": NOON + timedelta(seconds=seq),
        "event": event,
        "subject": subject,
        "after": after,
    }


def intent(seq: int, target: str = "i-1", *, plan: str = "plan-1", action: str = STOP) -> Entry:
    return entry(seq, "step.intent", plan, step=f"step-{plan}-{target}", target=target, action=action)


def right() -> list[Entry]:
    """An approved run on two targets."""
    return [
        entry(1, "plan.propose", targets=[target(key).to_data() for key in ("i-1", "i-2")]),
        entry(2, "approval.approve", state="approved"),
        entry(3, "run.begin", targets=["i-1", "i-2"]),
        intent(4, "i-1"),
        entry(5, "step.done"),
        intent(6, "i-2"),
    ]


DONE = [Effect(4, "StopInstances", "i-1"), Effect(6, "StopInstances", "i-2")]
Wrong = tuple[list[Entry], list[Effect]]


def test_a_right_history_is_right() -> None:
    assert check(DONE, right(), replace(CAPS, targets_per_day=2)) == []
    assert check([], [], CAPS) == []


def called_twice() -> Wrong:
    return right(), [*DONE, Effect(7, "StopInstances", "i-2")]


def called_before_the_intent() -> Wrong:
    return right(), [Effect(3, "StopInstances", "i-1"), DONE[1]]


def called_something_else() -> Wrong:
    return right(), [Effect(4, "StartInstances", "i-1")]


def never_approved() -> Wrong:
    return [one for one in right() if one["event"] != "approval.approve"], DONE


def approved_by_one_of_two() -> Wrong:
    pending = [entry(2, "approval.approve", state="pending") if one["seq"] == 2 else one for one in right()]
    return pending, DONE


def approved_too_late() -> Wrong:
    late = [entry(9, "approval.approve", state="approved") if one["seq"] == 2 else one for one in right()]
    return late, DONE


def approved_another_plan() -> Wrong:
    other = [
        entry(2, "approval.approve", "plan-2", state="approved") if one["seq"] == 2 else one
        for one in right()
    ]
    return other, DONE


def outside_the_plan() -> Wrong:
    return [*right(), intent(7, "i-9")], [*DONE, Effect(7, "StopInstances", "i-9")]


def after_the_kill_switch() -> Wrong:
    thrown = entry(5, "switch.on", "kill")
    return [thrown if one["seq"] == 5 else one for one in right()], DONE


def long_after_the_kill_switch() -> Wrong:
    effects = [Effect(7, "StopInstances", "i-2", NOON + timedelta(seconds=10))]
    return [*right(), entry(7, "switch.on", "kill")], effects


def long_after_the_kill_switch_by_another_clock() -> Wrong:
    """The bot's clock was turned an hour ahead by a test; what counts is when the row was there."""
    thrown = {**entry(7, "switch.on", "kill"), "at": NOON + timedelta(hours=1), "kept": NOON}
    effects = [Effect(7, "StopInstances", "i-2", NOON + timedelta(seconds=2.1))]
    return [*right(), thrown], effects


def begun_in_an_incident() -> Wrong:
    """The canary began before it; the second wave a minute after it."""
    opened = {**entry(3, "incident.open", "pager:7"), "seq": 4.5}
    return [opened, *right()[:5], {**right()[5], "at": NOON + timedelta(minutes=1)}], DONE


def called_while_held() -> Wrong:
    return [*right()[:5], {**entry(5, "run.wait"), "seq": 5.5}, right()[5]], DONE


def called_and_left_alone() -> Wrong:
    return [*right(), entry(7, "step.skip", step="step-plan-1-i-2", target="i-2")], DONE


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (begun_in_an_incident, "wave 1 of plan-1 began (row 6) while an incident was open"),
        (called_while_held, "step-plan-1-i-2 was intended (row 6) while its run was held"),
        (
            called_and_left_alone,
            "step-plan-1-i-2 had an effect, and was left alone (row 7)",
        ),
        (called_twice, "step-plan-1-i-2 had 2 effects on i-2"),
        (called_before_the_intent, "StopInstances on i-1 (after row 3) had no intent"),
        (called_something_else, "StartInstances on i-1 (after row 4) had no intent"),
        (never_approved, "step-plan-1-i-1 was intended (row 4) before any approval"),
        (approved_by_one_of_two, "step-plan-1-i-1 was intended (row 4) before any approval"),
        (approved_too_late, "step-plan-1-i-1 was intended (row 4) before any approval"),
        (approved_another_plan, "step-plan-1-i-1 was intended (row 4) before any approval"),
        (outside_the_plan, "StopInstances on i-9 (after row 7) is outside plan-1"),
        (after_the_kill_switch, "StopInstances on i-2 (after row 6) came after the kill switch (row 5)"),
        (long_after_the_kill_switch, "StopInstances on i-2 (after row 7) came after the kill switch (row 7)"),
        (
            long_after_the_kill_switch_by_another_clock,
            "StopInstances on i-2 (after row 7) came after the kill switch (row 7)",
        ),
    ],
)
def test_each_wrong_history_is_found(make: Callable[[], Wrong], said: str) -> None:
    entries, effects = make()
    assert said in check(effects, entries, CAPS)


def test_a_call_that_was_under_way_when_the_switch_was_thrown_is_let_go() -> None:
    entries = [*right(), entry(7, "switch.on", "kill")]
    assert (
        check([DONE[0], Effect(7, "StopInstances", "i-2", NOON + timedelta(seconds=8))], entries, CAPS) == []
    )


def test_what_went_on_when_it_was_over_or_took_a_change_back_is_right() -> None:
    over = [entry(1, "incident.open", "pager:7"), entry(2, "incident.close", "pager:7")]
    later = [{**one, "seq": one["seq"] + 4, "at": NOON + timedelta(hours=1)} for one in right()]
    waited = [{**entry(9, "run.wait"), "seq": 9.3}, {**entry(9, "run.resume"), "seq": 9.6}]
    effects = [Effect(8, "StopInstances", "i-1"), Effect(10, "StopInstances", "i-2")]
    assert check(effects, [*over, *later, *waited], CAPS) == []
    undo = entry(1, "plan.propose", targets=right()[0]["after"]["targets"], undo_of="plan-0")
    opened = entry(0, "incident.open", "pager:7")
    assert check(DONE, [opened, undo, *right()[1:]], CAPS) == []


def test_after_the_switch_is_off_again_calls_are_right() -> None:
    thrown = [entry(1, "switch.on", "kill"), entry(2, "switch.off", "kill")]
    later = [{**one, "seq": one["seq"] + 2} for one in right()]
    assert check([Effect(6, "StopInstances", "i-1")], [*thrown, *later], CAPS) == []


def money(amount: str, currency: str = "USD") -> Entry:
    """The plan of two targets, with what each costs a month."""
    about: dict[str, Any] = {"monthly_cost": Decimal(amount), "currency": currency}
    found = [target(key, tags={"Environment": "dev"}, **about) for key in ("i-1", "i-2")]
    fleets = {"instances/123456789012/dev": 3}
    return entry(1, "plan.propose", targets=[one.to_data() for one in found], fleets=fleets)


@pytest.mark.parametrize(
    ("proposed", "caps", "said"),
    [
        (money("1"), {"targets_per_day": 1}, "2 targets were changed, 1 may be on 2026-03-02"),
        (
            money("2500.01"),
            {},
            "5000.02 USD a month were changed, 5000 may be on 2026-03-02",
        ),
        (
            money("40", "EUR"),
            {"equivalents": {"EUR": Decimal("1.5")}, "amount_per_day": Decimal(119)},
            "120.0 USD a month were changed, 119 may be on 2026-03-02",
        ),
        (
            money("1"),
            {"percent_of_fleet": 66},
            "2 of the 3 in instances/123456789012/dev were changed, 66 % may be on 2026-03-02",
        ),
    ],
    ids=["targets", "money", "declared equivalents", "share of a fleet"],
)
def test_more_than_a_day_may_change_is_found(proposed: Entry, caps: dict[str, Any], said: str) -> None:
    entries = [proposed, *right()[1:]]
    assert check(DONE, entries, replace(CAPS, **caps)) == [said]
    assert check(DONE[:1], entries, replace(CAPS, **caps)) == []


def test_two_plans_of_a_day_count_together_and_two_days_do_not() -> None:
    def two(later: timedelta) -> list[Entry]:
        again = [
            entry(7, "plan.propose", "plan-2", targets=[target("i-3").to_data()]),
            entry(8, "approval.approve", "plan-2", state="approved"),
            entry(9, "run.begin", "plan-2", targets=["i-3"]),
            intent(10, "i-3", plan="plan-2"),
        ]
        return [*right(), *({**one, "at": one["at"] + later} for one in again)]

    effects = [*DONE, Effect(10, "StopInstances", "i-3")]
    caps = replace(CAPS, targets_per_day=2)
    assert check(effects, two(timedelta(0)), caps) == ["3 targets were changed, 2 may be on 2026-03-02"]
    assert check(effects, two(timedelta(hours=12)), caps) == []
    assert len(check(effects, two(timedelta(hours=12)), replace(caps, zone="America/New_York"))) == 1


def test_what_is_taken_back_does_not_count() -> None:
    undo = [
        entry(7, "plan.propose", "plan-2", undo_of="plan-1"),
        entry(8, "approval.approve", "plan-2", state="approved"),
        entry(9, "run.begin", "plan-2", targets=["i-1"]),
        intent(10, "i-1", plan="plan-2", action="aws.start_instances"),
    ]
    effects = [*DONE, Effect(10, "StartInstances", "i-1")]
    assert check(effects, [*right(), *undo], replace(CAPS, targets_per_day=2)) == []

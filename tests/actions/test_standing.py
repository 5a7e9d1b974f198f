"""What a standing approval covers, who may agree to it, and what can never be agreed to ahead."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actions import window
from actions.base import Target
from actions.registry import ACTIONS
from actions.standing import (
    Bounds,
    Selector,
    Standing,
    StandingState,
    Used,
    admit,
    complete,
    from_content,
    permissible,
)
from spend.errors import Conflict, Refused
from tests.storage.rows import target

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)
STOP, DELETE = ACTIONS["aws.stop_instances"], ACTIONS["aws.delete_volume"]


def one(**changes: Any) -> Standing:
    """Two development boxes of 100 dollars a day, on working days."""
    usual = Standing(
        id="standing-1",
        title="Stop idle development instances",
        runbook="stop-idle-dev",
        runbook_hash="r" * 64,
        selector=Selector(environments=("dev",)),
        window=window.read("mon-fri 09:00-17:00 UTC"),
        bounds=Bounds(2, Decimal(100), "USD"),
        until=NOW + 30 * DAY,
        approvers=("U_ANN", "U_OPS", "U_OZ"),
        requested_by="U_ANN",
        reason="nobody needs them",
        created_at=NOW,
        answer_by=NOW + DAY,
    )
    return replace(usual, **changes)


def dev(key: str = "i-1", cost: str | None = "30", **tags: str) -> Target:
    price = None if cost is None else Decimal(cost)
    return target(key, tags={"Environment": "dev", **tags}, monthly_cost=price)


def nobody(_target: Target) -> str | None:
    return None


def price(found: Target) -> Decimal | None:
    return found.monthly_cost


@pytest.mark.parametrize(
    ("selector", "team", "meant"),
    [
        (Selector(environments=("dev",)), None, True),
        (Selector(environments=("sandbox",)), None, False),
        (Selector(accounts=("123456789012",)), None, True),
        (Selector(accounts=("999",)), None, False),
        (Selector(team="web"), "web", True),
        (Selector(team="web"), "data", False),
        (Selector(team="web"), None, False),
        (Selector(tags=("schedule=office-hours",)), None, True),
        (Selector(tags=("schedule=night",)), None, False),
        (Selector(tags=("schedule", "owner")), None, False),
        (Selector(accounts=("123456789012",), environments=("prod",)), None, False),
    ],
)
def test_a_selector_means_what_has_all_of_its_parts(
    selector: Selector, team: str | None, *, meant: bool
) -> None:
    assert selector.matches(dev(schedule="Office hours"), team) is meant


def test_an_empty_selector_means_nothing() -> None:
    assert Selector().empty
    assert not Selector().matches(dev(), "web")


def test_a_thing_that_is_in_production_too_is_in_no_other_environment() -> None:
    assert not Selector(environments=("dev",)).matches(dev(env="prod"), None)


def test_it_covers_as_many_as_its_day_has_room_for() -> None:
    found = [dev("i-1"), dev("i-2", env="prod"), dev("i-3", cost=None), dev("i-4"), dev("i-5")]
    assert [one.id for one in one().covers(found, nobody, price, Used())] == ["i-1", "i-4"]
    assert [one.id for one in one().covers(found, nobody, price, Used(1, Decimal(30)))] == ["i-1"]
    assert one().covers(found, nobody, price, Used(2, Decimal(60))) == ()


def test_it_asks_for_the_team_of_each_target() -> None:
    teams = {"i-1": "web", "i-2": "data"}
    mine = one(selector=Selector(team="web"))
    taken = mine.covers([dev("i-1"), dev("i-2")], lambda found: teams[found.id], price, Used())
    assert [found.id for found in taken] == ["i-1"]


def test_what_costs_too_much_is_left_and_the_next_one_that_fits_is_taken() -> None:
    found = [dev("i-1", cost="90"), dev("i-2", cost="20"), dev("i-3", cost="10")]
    assert [one.id for one in one().covers(found, nobody, price, Used())] == ["i-1", "i-3"]


@given(
    st.lists(st.decimals(0, 200, places=2), max_size=12),
    st.integers(0, 5),
    st.decimals(0, 120, places=2),
)
@pytest.mark.case("T34")
def test_it_never_covers_more_than_its_bounds(costs: list[Decimal], used: int, amount: Decimal) -> None:
    found = [dev(f"i-{n}", cost=str(cost)) for n, cost in enumerate(costs)]
    taken = one().covers(found, nobody, price, Used(used, amount))
    more = sum((Used(1, t.monthly_cost or Decimal(0)) for t in taken), start=Used(used, amount))
    assert not taken or one().bounds.hold(more)


def test_it_is_in_force_from_its_approval_to_its_end_and_for_one_wording_of_its_runbook() -> None:
    active = one(state=StandingState.ACTIVE)
    assert active.over("r" * 64, NOW) is None
    assert one().over("r" * 64, NOW) == "it is pending"
    assert active.over("r" * 64, NOW + 30 * DAY) == "its last day has passed"
    assert active.over("x" * 64, NOW) == "its runbook changed after it was asked for"
    assert active.over(None, NOW) == "its runbook is gone"


def test_two_of_its_approvers_agree_and_who_asked_never_counts() -> None:
    asked = one()
    assert not complete(asked, ["U_OPS"])
    assert not complete(asked, ["U_ANN", "U_OPS"])
    assert not complete(asked, ["U_OPS", "U_OPS"])
    assert not complete(asked, ["U_OPS", "U_OUT"])
    assert complete(asked, ["U_OPS", "U_OZ"])
    assert not complete(replace(asked, authors=("U_OZ",)), ["U_OPS", "U_OZ"])


ANOTHER = "The card you clicked shows another version of this; look at the newest card."


@pytest.mark.case("T07", "T08", "T09", "T10", "T12", "V2.3.5")
@pytest.mark.parametrize(
    ("actor", "shown", "after", "said"),
    [
        ("U_ANN", "", 0, "You asked for this standing approval, so others have to approve it."),
        ("U_OUT", "", 0, "Only the approvers named on the card may decide this; nothing was changed."),
        ("U_DEV", "", 0, "You wrote this version of the runbook, so others have to approve this."),
        ("U_OZ", "", 0, "Your approval is already counted; a second person has to approve too."),
        ("U_OPS", "0000000000000000", 0, ANOTHER),
        ("U_OPS", "none", 0, ANOTHER),
        ("U_OPS", "", 24, "Nobody answered this in time; it has to be asked for anew."),
    ],
)
def test_who_may_not_agree_reads_why(actor: str, shown: str, after: int, said: str) -> None:
    asked = one(authors=("U_DEV",))
    shown = {"": asked.hash[:16], "none": ""}.get(shown, shown)
    with pytest.raises(Refused, match=f"^{re.escape(said)}$"):
        admit(asked, ["U_OZ"], actor, shown, NOW + timedelta(hours=after))


def test_an_answer_to_what_was_decided_already_changes_nothing() -> None:
    with pytest.raises(Conflict, match="already revoked"):
        admit(one(state=StandingState.REVOKED), [], "U_OPS", one().hash, NOW)


def test_the_hash_covers_all_of_the_terms_and_none_of_the_state() -> None:
    assert one(state=StandingState.ACTIVE, version=7).hash == one().hash
    others = [
        one(selector=Selector(environments=("dev", "sandbox"))),
        one(window=window.read("mon-sun 09:00-17:00 UTC")),
        one(bounds=Bounds(3, Decimal(100), "USD")),
        one(until=NOW + 31 * DAY),
        one(runbook_hash="x" * 64),
        one(approvers=("U_OPS", "U_OZ")),
    ]
    assert len({one().hash, *(other.hash for other in others)}) == len(others) + 1


def test_what_was_kept_is_read_back_whole() -> None:
    whole = one(selector=Selector(("1",), ("dev",), "web", ("a=b",)), authors=("U_DEV",))
    again = from_content(whole.content(), state=StandingState.ACTIVE, version=3)
    assert again == replace(whole, state=StandingState.ACTIVE, version=3)
    assert again.hash == whole.hash


def test_what_can_be_taken_back_may_be_agreed_to_ahead() -> None:
    permissible(one(), [STOP], production=False)
    permissible(one(), [ACTIONS["aws.snapshot_volume"], DELETE], production=False)
    permissible(one(selector=Selector(team="web")), [DELETE], production=False)
    permissible(one(), [DELETE], production=True)


SECOND = timedelta(seconds=1)
NO_ROOM = "Its bounds leave room for nothing; allow at least one target and some money a day."
TOO_LONG = "A standing approval lasts at most 90 days; choose an earlier last day."
TOO_FEW = (
    "This needs 2 of its runbook's approvers beside you, and fewer could say yes; "
    "add people to the approvers in the settings."
)


def test_the_least_and_the_longest_that_makes_sense_is_allowed() -> None:
    permissible(one(bounds=Bounds(1, Decimal("0.01"), "USD")), [STOP], production=False)
    permissible(one(until=NOW + 91 * DAY), [STOP], production=False)  # the end of its ninetieth day


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"selector": Selector()},
            "Name an account, an environment, a team or a tag: an empty selector means nothing.",
        ),
        ({"bounds": Bounds(0, Decimal(1), "USD")}, NO_ROOM),
        ({"bounds": Bounds(1, Decimal(0), "USD")}, NO_ROOM),
        ({"until": NOW}, "Its last day has passed already; choose a later one."),
        ({"until": NOW + 91 * DAY + SECOND}, TOO_LONG),
        (
            {"reason": "  "},
            "Say why people need not be asked each time; its approvers and the audit log read it.",
        ),
        ({"approvers": ("U_ANN", "U_OPS")}, TOO_FEW),
        ({"approvers": ()}, TOO_FEW),
        ({"authors": ("U_OZ",)}, TOO_FEW),
    ],
)
def test_terms_without_sense_are_refused_with_the_way_out(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(Refused, match=f"^{re.escape(said)}$"):
        permissible(one(**changes), [STOP], production=False)


def test_what_cannot_be_taken_back_in_full_is_never_agreed_to_ahead() -> None:
    class Lossy(type(STOP)):  # type: ignore[misc]  # an action like it, of another grade
        grade = "C"

    said = (
        "aws.stop_instances, aws.stop_instances cannot be taken back in full, so people are asked each time; "
        "a standing approval is for the undo grades A and B."
    )
    with pytest.raises(Refused, match=f"^{re.escape(said)}$"):
        permissible(one(), [Lossy(), STOP, Lossy()], production=False)


@pytest.mark.parametrize(
    ("selector", "production"),
    [
        (Selector(environments=("dev", "production")), False),
        (Selector(environments=("Prod-EU",)), True),
        (Selector(team="web"), True),
        (Selector(accounts=("1",)), True),
    ],
)
def test_deleting_in_production_is_never_agreed_to_ahead(selector: Selector, *, production: bool) -> None:
    said = (
        "Deleting in production is never approved ahead; name the environments that are meant, "
        "without production."
    )
    with pytest.raises(Refused, match=f"^{re.escape(said)}$"):
        permissible(one(selector=selector), [DELETE], production=production)


def test_an_approver_who_was_shown_it_may_agree_until_its_last_moment() -> None:
    asked = one()
    admit(asked, ["U_OZ"], "U_OPS", asked.hash[:16], asked.answer_by - SECOND)

"""What a day may still take: counts, money in equivalents, and the share of a counted fleet."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actions.base import Target
from actions.blast import Caps, Load, fleet_of, fleets
from spend.errors import Refused
from tests.actions.examples import target
from tests.actions.world import ACCOUNT

BOXES = tuple(target(f"i-{n}") for n in range(1, 5))
DEV = f"instances/{ACCOUNT}/dev"
CAPS = Caps(targets_per_day=10, percent_of_fleet=50, amount_per_day=Decimal(100))


def against(*targets: Target, used: Load | None = None, size: int = 100, caps: Caps = CAPS) -> str | None:
    return caps.against(caps.load(targets), used or Load(), {DEV: size})


def test_what_fits_is_let_through_and_what_fills_the_day_exactly_too() -> None:
    assert against(BOXES[0]) is None
    assert against(BOXES[0], used=Load(9, Decimal(60))) is None
    assert against() is None


@pytest.mark.case("T33", "T34", "V2.3.2")
@pytest.mark.parametrize(
    ("used", "size", "said"),
    [
        (Load(9), 100, "it has 2 targets, and 1 of the 10 a day are left"),
        (Load(11), 100, "it has 2 targets, and 0 of the 10 a day are left"),
        (
            Load(0, Decimal("20.01")),
            100,
            "its targets cost 80.00 USD a month, and 79.99 USD of the 100.00 USD a day are left",
        ),
        (Load(), 3, f"it has 2 of the 3 in {DEV}, and 1 of the 1 a day (50 %) are left"),
        (
            Load(3, fleets={DEV: 3}),
            9,
            f"it has 2 of the 9 in {DEV}, and 1 of the 4 a day (50 %) are left",
        ),
        (Load(), 1, f"nobody counted all of {DEV}, so its share is unknown"),
    ],
)
def test_each_cap_says_what_is_left(used: Load, size: int, said: str) -> None:
    assert against(*BOXES[:2], used=used, size=size) == said


def test_one_of_a_small_fleet_may_always_be_touched_and_a_second_one_not() -> None:
    assert against(BOXES[0], size=1) is None
    assert against(BOXES[1], used=Load(1, fleets={DEV: 1}), size=1) is not None


def test_where_all_of_a_fleet_may_be_touched_nobody_has_to_count_it() -> None:
    caps = replace(CAPS, percent_of_fleet=100, amount_per_day=Decimal(1000))
    assert caps.against(caps.load(BOXES), Load(), {}) is None


def test_an_amount_in_another_currency_counts_by_its_declared_equivalent() -> None:
    euros = target("i-e", currency="EUR", monthly_cost=Decimal("10.00"))
    caps = replace(CAPS, equivalents={"EUR": Decimal("1.08")})
    assert caps.load([euros, BOXES[0]]).amount == Decimal("50.80")
    with pytest.raises(Refused, match=r"box i-e costs EUR, which has no equivalent in USD; add it to caps"):
        CAPS.load([euros])


def test_an_unknown_cost_counts_no_money_and_still_one_target() -> None:
    unknown = target("i-u", monthly_cost=None, currency="XYZ")
    assert CAPS.load([unknown]) == Load(1, Decimal(0), {DEV: 1})


def test_a_fleet_is_one_type_in_one_account_and_environment_however_that_is_spelt() -> None:
    shouted = target("i-s", tags={"ENV": " Dev "})
    assert fleet_of(shouted) == fleet_of(BOXES[0]) == DEV
    assert fleet_of(target("i-n", tags={})) == f"instances/{ACCOUNT}/no environment"
    assert fleet_of(target("i-b", tags={"env": "dev", "Environment": "prod"})).endswith("/dev+prod")
    assert fleets([*BOXES, shouted, target("v", kind="volume")]) == {DEV: 5, f"volumes/{ACCOUNT}/dev": 1}


def test_the_day_ends_at_midnight_in_the_zone_of_the_caps() -> None:
    late = datetime(2026, 3, 28, 23, 30, tzinfo=UTC)
    assert CAPS.day(late) == date(2026, 3, 28)
    berlin = replace(CAPS, zone="Europe/Berlin")
    assert berlin.day(late) == date(2026, 3, 29)
    assert berlin.frees(late) == "the next day's room opens at 2026-03-30 00:00 CEST"


@pytest.mark.case("T34")
@given(parts=st.lists(st.integers(1, 6), min_size=1, max_size=8))
def test_splitting_one_change_into_many_does_not_get_under_a_cap(parts: list[int]) -> None:
    boxes = [target(f"i-{n}") for n in range(sum(parts))]
    whole = CAPS.against(CAPS.load(boxes), Load(), {DEV: 30})
    used, first, refused = Load(), 0, False
    for many in parts:
        part = CAPS.load(boxes[first : first + many])
        first += many
        if CAPS.against(part, used, {DEV: 30}):
            refused = True
        else:
            used += part
    assert refused is (whole is not None)
    assert CAPS.against(Load(), used, {DEV: 30}) is None


def test_what_two_plans_take_of_a_day_is_added_up_fleet_by_fleet() -> None:
    one = Load(2, Decimal(30), {DEV: 2, "volumes": 1})
    both = one + Load(1, Decimal("0.5"), {DEV: 1, "functions": 4})
    assert both == Load(3, Decimal("30.5"), {DEV: 3, "volumes": 1, "functions": 4})


def test_the_share_of_a_fleet_is_rounded_down_but_one_is_always_allowed() -> None:
    assert [CAPS.share(size) for size in (0, 1, 2, 3, 4, 200)] == [1, 1, 1, 1, 2, 100]


def test_a_fleet_of_which_too_much_was_touched_has_nothing_left() -> None:
    used = Load(6, fleets={DEV: 6})
    assert against(BOXES[0], used=used, size=9) == (
        f"it has 1 of the 9 in {DEV}, and 0 of the 4 a day (50 %) are left"
    )


def test_one_of_a_fleet_that_nobody_counted_is_too_much() -> None:
    said = f"nobody counted all of {DEV}, so its share is unknown"
    assert CAPS.against(CAPS.load(BOXES[:1]), Load(), {}) == said

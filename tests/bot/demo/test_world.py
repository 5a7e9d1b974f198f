"""The demo's world as a seed makes it."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from bot.demo.inventory import REFUSES_TO_STOP
from bot.demo.metrics import points
from bot.demo.world import ACCOUNTS, TEAMS, Kind, Trouble, build
from tests.bot.demo.conftest import NOW, UNTIL

SEEDS = range(1, 31)


def test_the_same_seed_and_day_make_the_same_world() -> None:
    assert build(7, UNTIL) == build(7, UNTIL)


def test_another_seed_makes_another_world_of_the_same_company() -> None:
    one, other = build(1, UNTIL), build(2, UNTIL)
    assert one.things != other.things
    assert one.expected_idle == other.expected_idle


def test_metrics_are_the_same_for_the_same_seed() -> None:
    thing = build(7, UNTIL).thing("checkout-dev-web")
    assert list(points(thing, NOW, 7)) == list(points(thing, NOW, 7))
    assert list(points(thing, NOW, 7)) != list(points(thing, NOW, 8))


@pytest.mark.parametrize("seed", [0, 1, 2, 3, 11])
def test_the_world_has_about_sixty_things_in_three_accounts_with_names_of_their_own(seed: int) -> None:
    world = build(seed, UNTIL)
    assert 55 <= len(world.things) <= 65
    assert {thing.account for thing in world.things} == set(ACCOUNTS)
    assert len({thing.name for thing in world.things}) == len(world.things)
    assert {thing.kind for thing in world.things} == set(Kind)


def test_the_idle_machines_are_of_both_teams_and_two_accounts() -> None:
    world = build(1, UNTIL)
    idle = [world.thing(name) for name in world.expected_idle]
    assert len(idle) == 7
    assert {thing.tags["team"] for thing in idle} == set(TEAMS)
    assert len({thing.account for thing in idle}) == 2
    assert all(world.until - thing.launched_at.date() > timedelta(days=45) for thing in idle)


def test_near_misses_and_what_must_be_found_never_overlap() -> None:
    world = build(1, UNTIL)
    assert len(world.near_misses) == 8
    assert not world.near_misses & (world.expected_idle | world.expected_orphans)


def test_environments_are_spelled_in_more_than_one_way() -> None:
    keys = {key for seed in (1, 2) for t in build(seed, UNTIL).things for key in t.tags}
    assert {"Environment", "env", "environment"} <= keys


def test_owners_are_named_by_a_team_tag_and_some_things_have_none() -> None:
    world = build(1, UNTIL)
    owners = [thing.tags.get("team") for thing in world.things]
    assert set(owners) == {*TEAMS, None}
    assert all(("owner" in thing.tags) == ("team" in thing.tags) for thing in world.things)


def test_seed_zero_plants_nothing() -> None:
    assert build(0, UNTIL).anomaly is None
    assert all(meter.surge == () for meter in build(0, UNTIL).meters)


def test_thirty_seeds_show_every_kind_of_trouble_in_both_teams() -> None:
    planted = [build(seed, UNTIL).anomaly for seed in SEEDS]
    seen = {(each.kind, each.team) for each in planted if each is not None}
    assert seen == {(kind, team) for kind in Trouble for team in TEAMS}


@pytest.mark.parametrize("until", [UNTIL, date(2026, 3, 2), date(2027, 1, 31)])
@pytest.mark.parametrize("seed", SEEDS)
def test_the_anomaly_is_still_to_be_seen_and_costs_three_hundred_dollars(seed: int, until: date) -> None:
    anomaly = build(seed, until).anomaly
    assert anomaly is not None
    assert until - timedelta(days=2) <= anomaly.last <= until
    assert 2 <= anomaly.days <= 5
    assert anomaly.excess >= Decimal(300)


def test_a_forgotten_machine_stands_in_the_cloud_since_the_day_it_costs_money() -> None:
    worlds = [build(seed, UNTIL) for seed in SEEDS]
    for world in worlds:
        anomaly = world.anomaly
        assert anomaly is not None
        if anomaly.kind is Trouble.FORGOTTEN_DEV:
            found = world.thing(f"{anomaly.team}-dev-gpu-trial")
            assert found.launched_at.date() == anomaly.start
            assert found.account == anomaly.account
            assert anomaly.excess == found.hourly * 24 * anomaly.days * Decimal("1e-6")


def test_one_seed_in_five_has_a_machine_that_refuses_to_stop() -> None:
    refusing = {seed for seed in range(20) if build(seed, UNTIL).failing_target}
    assert refusing == {3, 8, 13, 18}
    world = build(8, UNTIL)
    assert world.failing_target == REFUSES_TO_STOP
    assert sorted(world.expected_idle).index(REFUSES_TO_STOP) == 3


def test_a_thing_costs_its_hourly_price_for_730_hours_a_month() -> None:
    world = build(1, UNTIL)
    assert world.thing("checkout-dev-api").monthly_cost == Decimal("167.90")
    assert world.thing("checkout-dev-old-data").monthly_cost == Decimal("47.45")
    assert world.thing("checkout-dev-stopped").monthly_cost == 0

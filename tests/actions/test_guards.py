"""Guards: deny first, in words, and never an empty or a cut plan."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from actions import environments, guards
from actions.aws.delete_volume import DeleteVolume
from actions.aws.stop_instances import StopInstances
from actions.guards import Facts, Mode
from actions.plan import Struck
from actions.registry import params_of
from runbooks import loader
from spend.errors import Refused
from tests.actions.examples import target
from tests.actions.world import ACCOUNT, NOW

OPEN = Facts(now=NOW, accounts=frozenset({ACCOUNT}), mode=Mode.ACT, actions=(StopInstances(),))
BOX = target("i-1")


def reason(tags: Mapping[str, str] | None = None, **facts: Any) -> str | None:
    """Why the box with these tags is struck out, or None."""
    boxes = [replace(BOX, tags=tags)] if tags is not None else [BOX]
    _, struck = guards.strike(boxes, replace(OPEN, **facts))
    return struck[0].reason if struck else None


def test_what_nothing_speaks_against_stays() -> None:
    assert guards.strike([BOX], OPEN) == ((BOX,), ())


def test_the_defaults_allow_nothing() -> None:
    kept, struck = guards.strike([BOX], Facts(now=NOW))
    assert kept == ()
    assert "only observes" in struck[0].reason


DENIALS: list[tuple[dict[str, Any], str]] = [
    ({"killed": True}, "the kill switch is on"),
    ({"kept": {"i-1": "kept by <@U_ANN>"}}, "kept by <@U_ANN>"),
    ({"mode": Mode.OBSERVE}, "Bursar only observes here; set the mode to act to change that"),
    ({"accounts": frozenset()}, f"account {ACCOUNT} is not on the allow-list"),
    ({"accounts": frozenset({"210987654321"})}, f"account {ACCOUNT} is not on the allow-list"),
    ({"never": ("owner=team-a",)}, "its tag Owner=team-a protects it"),
    ({"never": ("OWNER",)}, "its tag Owner=team-a protects it"),
    ({"actions": (DeleteVolume(),)}, "it is no volume, which aws.delete_volume needs"),
    (
        {"touched": {"i-1": NOW - timedelta(hours=23)}},
        "a run touched it at 2026-06-16 13:00 UTC; it is left alone for another 1h",
    ),
    (
        {"touched": {"i-1": NOW - timedelta(hours=22, minutes=30, seconds=30)}},  # told in whole minutes
        "a run touched it at 2026-06-16 13:29 UTC; it is left alone for another 90m",
    ),
]


@pytest.mark.parametrize(("facts", "said"), DENIALS)
def test_each_guard_says_why(facts: dict[str, Any], said: str) -> None:
    assert reason(**facts) == said


@pytest.mark.case("T29")
def test_at_the_end_of_its_cooldown_a_resource_may_be_touched_again() -> None:
    assert reason(touched={"i-1": NOW - timedelta(hours=24)}) is None
    assert reason(touched={"i-1": NOW - timedelta(hours=24) + timedelta(seconds=1)}) is not None
    assert reason(touched={"i-2": NOW}) is None


def test_an_unfit_target_is_struck_out_with_the_actions_own_reason() -> None:
    kept, struck = guards.strike([replace(BOX, facts={"root": "instance-store"})], OPEN)
    assert (kept, struck[0].target, struck[0].name) == ((), "i-1", "box i-1")
    assert "instance store" in struck[0].reason


@pytest.mark.parametrize(
    "tag",
    [
        "bursar:protect",
        "Bursar:Protect",
        " BURSAR : protect ",
        "do-not-stop",
        "Do Not Stop",
        "do_not_stop",
        "DO-NOT-STOP ",
    ],
)
@pytest.mark.case("T35")
@pytest.mark.parametrize("value", ["", "true", "no"])
def test_a_protecting_tag_counts_however_it_is_spelt_and_valued(tag: str, value: str) -> None:
    assert reason({tag: value}) == f"its tag {f'{tag}={value}' if value else tag} protects it"


@pytest.mark.case("T35")
def test_a_tag_of_what_a_thing_hangs_on_protects_it_too() -> None:
    held = replace(BOX, inherited={"Do Not Stop": "db"})
    _, struck = guards.strike([held], OPEN)
    assert struck[0].reason == "the tag Do Not Stop=db of what it hangs on protects it"
    ours = replace(BOX, inherited={"keep": "x", "team": "web"})
    assert guards.strike([ours], OPEN)[1] == ()
    assert guards.strike([ours], replace(OPEN, never=("KEEP",)))[1][0].reason.startswith("the tag keep=x of")


@pytest.mark.parametrize(
    ("tags", "is_protected"),
    [
        ({"remediation": "exempt"}, True),
        ({" Remediation ": " EXEMPT "}, True),
        ({"remediation": "welcome"}, False),
        ({"exempt": "remediation"}, False),
        ({"protect": "bursar"}, False),
    ],
)
def test_a_pattern_with_a_value_asks_for_that_value(tags: dict[str, str], is_protected: bool) -> None:
    assert (environments.protection(tags) is not None) is is_protected


@pytest.mark.parametrize(
    "name", ["prod", "Production", " PROD ", "prod-eu", "eu_prod", "pre-prod", "prd", "live"]
)
@pytest.mark.parametrize("key", ["Environment", "env", "ENV", " environment "])
def test_production_is_left_to_runbooks_written_for_it(key: str, name: str) -> None:
    assert reason({key: name}) == "it is in production, which this runbook does not touch"
    assert reason({key: name}, production=True) is None


@pytest.mark.parametrize("tags", [{"env": "dev"}, {"env": "staging"}, {"Name": "prod"}, {}])
def test_what_no_environment_tag_calls_production_is_not(tags: dict[str, str]) -> None:
    assert not environments.is_production(tags)


@pytest.mark.parametrize(
    ("tags", "within"),
    [
        ({"env": "dev"}, True),
        ({"Env": " DEV"}, True),
        ({"env": "dev", "Environment": "Dev"}, True),
        ({"env": "dev", "Environment": "qa"}, False),
        ({"env": "devel"}, False),
        ({}, False),
    ],
)
def test_a_thing_is_within_an_environment_only_if_no_tag_disagrees(
    tags: dict[str, str], within: bool
) -> None:
    assert environments.is_within(tags, ["dev"]) is within


def test_the_first_denial_is_the_one_that_is_said() -> None:
    assert reason({"do-not-stop": ""}, killed=True, accounts=frozenset()) == "the kill switch is on"
    assert reason({"do-not-stop": "", "env": "prod"}) == "its tag do-not-stop protects it"


def test_a_runbook_adds_its_own_guards() -> None:
    runbook = loader.load_all(params_of=params_of)["cap-lambda-concurrency"]
    stop = StopInstances()
    facts = guards.facts_for(runbook, [stop], replace(OPEN, never=("mine",)))
    assert facts.actions == (stop,)
    assert facts.never == ("mine", "remediation=exempt")
    assert facts.production
    assert facts.cooldown == timedelta(hours=1)
    assert (facts.accounts, facts.mode) == (OPEN.accounts, OPEN.mode)


def test_a_plan_is_never_empty_and_says_what_struck_its_targets() -> None:
    with pytest.raises(Refused, match=r"^Nothing was found to act on\.$"):
        guards.whole([], [], 5)
    with pytest.raises(Refused, match="box: its tag do-not-stop protects it"):
        guards.whole([], [Struck("i-1", "box", "its tag do-not-stop protects it")], 5)


def test_a_plan_over_its_cap_is_refused_and_not_cut() -> None:
    boxes = [target(f"i-{n}") for n in range(6)]
    guards.whole(boxes[:5], [], 5)
    with pytest.raises(Refused, match="6 targets are more than the 5"):
        guards.whole(boxes, [], 5)

"""Each seeded fault is found by the proof that is there for it."""

import inspect
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RULE_MARKER, RuleBasedStateMachine, run_state_machine_as_test

from spend.errors import Conflict
from tests.databases import Database
from tests.faults import catalogue
from tests.faults.planting import Seeded, planted
from tests.flows.test_plan_machine import Votes
from tests.flows.test_standing_machine import Consent
from tests.machines import on_store
from tests.storage.test_audit_machine import Log
from tests.storage.test_blast_machine import Ledger
from tests.storage.test_step_machine import Steps

pytestmark = pytest.mark.slow
#: The same examples each time; a counter-example need not be the smallest.
HUNT = settings(
    max_examples=100,
    stateful_step_count=20,
    derandomize=True,
    database=None,
    print_blob=False,
    report_multiple_bugs=False,
    phases=[Phase.generate],
    suppress_health_check=[*HealthCheck],
)
#: A worker that lost its run is told so before it writes (`TakenOver`), not by the version of a row.
FOUND = (AssertionError, Conflict)


def hunt(machine: type[RuleBasedStateMachine], seeded: Seeded) -> None:
    """Look for the fault with the rules that concern it, as the machine does with all of them."""
    rules = {name for name, member in inspect.getmembers(machine) if hasattr(member, RULE_MARKER)}
    wanted = set(seeded.rules.split())
    assert wanted <= rules
    focused: Any = type(machine.__name__, (machine,), dict.fromkeys(rules - wanted))
    with planted(seeded.fault), pytest.raises(FOUND):
        run_state_machine_as_test(focused, settings=HUNT)


@pytest.mark.parametrize("fault", catalogue.PLANS)
def test_the_state_machine_of_plans_finds_that(fault: str, request: pytest.FixtureRequest) -> None:
    hunt(on_store(Votes, "sqlite", request), catalogue.PLANS[fault])


@pytest.mark.parametrize("fault", catalogue.STANDING)
def test_the_state_machine_of_standing_approvals_finds_that(
    fault: str, request: pytest.FixtureRequest
) -> None:
    hunt(on_store(Consent, "sqlite", request), catalogue.STANDING[fault])


@pytest.mark.parametrize("fault", catalogue.LEDGER)
def test_the_state_machine_of_the_blast_radius_finds_that(fault: str, request: pytest.FixtureRequest) -> None:
    hunt(on_store(Ledger, "sqlite", request), catalogue.LEDGER[fault])


@pytest.mark.parametrize("fault", catalogue.STEPS)
def test_the_state_machine_of_steps_finds_that(fault: str, request: pytest.FixtureRequest) -> None:
    hunt(on_store(Steps, "sqlite", request), catalogue.STEPS[fault])


@pytest.mark.parametrize("fault", catalogue.AUDIT)
def test_the_state_machine_of_the_audit_log_finds_that(
    fault: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> None:
    template = request.getfixturevalue("sqlite_template")

    class OnFile(Log):
        @staticmethod
        def fresh() -> Database:
            found = template.fresh(tmp_path_factory.mktemp("log"))
            assert isinstance(found, Database)
            return found

    hunt(OnFile, catalogue.AUDIT[fault])

"""Each seeded fault is found by the proof that is there for it."""

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from spend.errors import Conflict
from tests.databases import Database
from tests.faults import catalogue
from tests.faults.planting import planted
from tests.flows.test_plan_machine import Votes
from tests.flows.test_standing_machine import Consent
from tests.machines import on_store
from tests.storage.test_audit_machine import Log
from tests.storage.test_blast_machine import Ledger
from tests.storage.test_step_machine import Steps

#: The same examples each time; a counter-example need not be the smallest.
HUNT = settings(
    max_examples=100,
    stateful_step_count=25,
    derandomize=True,
    database=None,
    print_blob=False,
    report_multiple_bugs=False,
    phases=[Phase.generate],
    suppress_health_check=[*HealthCheck],
)


def hunt(machine: type[RuleBasedStateMachine], request: pytest.FixtureRequest) -> None:
    run_state_machine_as_test(on_store(machine, "sqlite", request), settings=HUNT)


@pytest.mark.parametrize("fault", catalogue.PLANS)
def test_the_state_machine_of_plans_finds_that(fault: str, request: pytest.FixtureRequest) -> None:
    with planted(catalogue.PLANS[fault]), pytest.raises(AssertionError):
        hunt(Votes, request)


@pytest.mark.parametrize("fault", catalogue.STANDING)
def test_the_state_machine_of_standing_approvals_finds_that(
    fault: str, request: pytest.FixtureRequest
) -> None:
    with planted(catalogue.STANDING[fault]), pytest.raises(AssertionError):
        hunt(Consent, request)


@pytest.mark.parametrize("fault", catalogue.LEDGER)
def test_the_state_machine_of_the_blast_radius_finds_that(fault: str, request: pytest.FixtureRequest) -> None:
    with planted(catalogue.LEDGER[fault]), pytest.raises(AssertionError):
        hunt(Ledger, request)


@pytest.mark.parametrize("fault", catalogue.STEPS)
def test_the_state_machine_of_steps_finds_that(fault: str, request: pytest.FixtureRequest) -> None:
    # Conflict: a worker that lost its run is told so before it writes, not by the version of the row.
    with planted(catalogue.STEPS[fault]), pytest.raises((AssertionError, Conflict)):
        hunt(Steps, request)


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

    with planted(catalogue.AUDIT[fault]), pytest.raises(AssertionError):
        run_state_machine_as_test(OnFile, settings=HUNT)

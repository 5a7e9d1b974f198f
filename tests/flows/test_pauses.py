"""Between two waves a run waits in its row: no thread, no worker, and only what is left after a crash."""

from datetime import timedelta

import pytest

from actions.errors import TakenOver
from actions.plan import Plan, PlanState
from bot.worker import Stopping
from flows import approvals, runs, sweeps
from storage import plans, seats, tables
from storage.locks import FileLocks, Hold
from tests.actions.world import NOW, World
from tests.flows.world import HOLD, OPS, Company

P = PlanState
THEIRS = Hold("worker-2", 1)


@pytest.fixture
def company(acting: Company) -> Company:
    """The company with a minute between two waves."""
    acting.with_org(wave_pause=60)
    return acting


def approved(company: Company, cloud: World, count: int = 4) -> Plan:
    for number in range(count):
        cloud.idle_instance(f"box-{number}", Environment="dev", team="web")
    (plan,) = sweeps.sweep(company.desk, company.now)
    return approvals.approve(company.desk, plan.id, actor=OPS, shown=plan.hash, now=company.now)


def stopped(cloud: World, plan: Plan) -> int:
    return sum(cloud.state(target.id) == "stopped" for target in plan.targets)


def ready(company: Company) -> list[str]:
    return runs.ready(company.store, company.now)


def taken_over(company: Company, plan: Plan, hold: Hold) -> None:
    with company.store.writing(company.now) as unit:
        unit.change(unit.get(tables.Plan, plan.id), worker=hold.worker, epoch=hold.epoch)


def test_a_run_that_pauses_gives_its_thread_back_and_is_due_again_when_the_pause_is_over(
    company: Company, cloud: World
) -> None:
    plan = approved(company, cloud)
    assert company.pass_over(plan.id) == 60
    assert (company.state(plan.id), stopped(cloud, plan)) == (P.RUNNING, 1)
    assert company.plan_of(plan.id).next_wave_at == NOW + timedelta(seconds=60)
    assert ready(company) == []
    company.clock.turn(seconds=59)
    assert ready(company) == []
    company.clock.turn(seconds=1)
    assert ready(company) == [plan.id]
    assert company.pass_over(plan.id) == 60
    assert stopped(cloud, plan) == 3
    assert company.run(plan.id) is P.SUCCEEDED
    assert company.now == NOW + timedelta(seconds=120)


@pytest.mark.case("T23")
def test_who_takes_the_run_up_waits_only_what_is_left(company: Company, cloud: World) -> None:
    plan = approved(company, cloud)
    company.pass_over(plan.id)
    company.clock.turn(seconds=45)
    taken_over(company, plan, THEIRS)
    company.store.hold = THEIRS
    assert company.pass_over(plan.id) == 15
    assert stopped(cloud, plan) == 1
    company.clock.turn(seconds=15)
    assert company.pass_over(plan.id) == 60
    assert stopped(cloud, plan) == 3


def test_a_pause_that_passed_while_no_worker_lived_is_not_waited_for_again(
    company: Company, cloud: World
) -> None:
    plan = approved(company, cloud)
    company.pass_over(plan.id)
    company.clock.turn(hours=1)
    assert ready(company) == [plan.id]
    company.pass_over(plan.id)
    assert stopped(cloud, plan) == 3


def test_who_lost_the_run_meanwhile_cannot_even_let_it_pause(company: Company, cloud: World) -> None:
    plan = approved(company, cloud, 2)
    company.pass_over(plan.id)
    taken_over(company, plan, THEIRS)
    with pytest.raises(TakenOver):
        company.pass_over(plan.id)
    assert company.plan_of(plan.id).worker == THEIRS.worker


@pytest.mark.case("T23")
@pytest.mark.parametrize("after", range(4))
def test_a_worker_that_is_told_to_stop_begins_no_further_step_and_the_next_one_goes_on(
    company: Company, cloud: World, after: int
) -> None:
    company.with_org(wave_pause=0)
    plan = approved(company, cloud)

    def wait(seconds: float) -> None:
        if stopped(cloud, plan) >= after:
            raise Stopping("the worker is stopping")
        company.wait(seconds)

    with pytest.raises(Stopping):
        company.run(plan.id, wait)
    assert stopped(cloud, plan) == after
    left = FileLocks(company.home)
    company.store.hold = seats.take(company.store, left, company.now).hold
    seats.adopt(company.store, left, company.store.hold, company.now)
    company.clock.turn(seconds=60)  # by then nothing of the former one can be on its way
    assert ready(company) == [plan.id]
    assert company.run(plan.id) is P.SUCCEEDED
    with company.store.reading() as session:
        steps = plans.steps(session, plan.id)
    assert [step.attempts for step in steps] == [1, 1, 1, 1]
    assert stopped(cloud, plan) == 4


def test_a_wave_that_changed_nothing_is_not_waited_for(company: Company, cloud: World) -> None:
    plan = approved(company, cloud, 2)
    cloud.ec2.stop_instances(InstanceIds=[plan.targets[0].id])
    assert company.pass_over(plan.id) == 0
    assert company.state(plan.id) is P.SUCCEEDED


def test_a_run_of_nobody_is_in_nobodys_line(company: Company, cloud: World) -> None:
    plan = approved(company, cloud, 2)
    company.pass_over(plan.id)
    company.clock.turn(seconds=60)
    company.store.hold = THEIRS
    assert ready(company) == []
    company.store.hold = HOLD
    assert ready(company) == [plan.id]

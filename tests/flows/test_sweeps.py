"""The sweep: what it finds, what it proposes, what it leaves alone, and what it says when it cannot look."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import boto3
import pytest
from botocore.config import Config

from actions.base import Clouds
from actions.blast import Caps
from actions.clouds import AwsClouds
from actions.plan import Plan, PlanState
from flows import approvals, findings, sweeps, switches
from spend.errors import Refused
from spend.finding import FindingState
from tests.actions.world import ACCOUNT, BUSY, NOW, World, backend, naive
from tests.flows.world import ANN, BEN, FIN, HOUR, MARKED, OPS, ORG, OUT, WEEK, Company, charge, runbook

VOLUMES = "reclaim-unattached-volumes"


def idle(cloud: World, name: str = "box", **tags: str) -> str:
    return cloud.idle_instance(name, **{"Environment": "dev", "team": "web", **tags})


def bill(company: Company, *resources: str, amount: str = "2", currency: str = "USD") -> None:
    """A week in which each of these cost something a day."""
    company.bill(
        [
            charge(day, amount, resource=resource, team="web", currency=currency)
            for resource in resources
            for day in WEEK.days()
        ]
    )


def sweep(company: Company) -> list[Plan]:
    return sweeps.sweep(company.desk, company.now)


def live(company: Company) -> list[tuple[str | None, str, str]]:
    states = {FindingState.OPEN, FindingState.INVESTIGATING}
    return [(row.team, row.kind, row.title) for row in company.findings() if row.state in states]


def test_a_sweep_proposes_one_plan_for_what_is_idle_and_opens_a_finding_for_each_team(
    acting: Company, cloud: World
) -> None:
    boxes = {idle(cloud, "box-a"), idle(cloud, "box-b"), idle(cloud, "box-c", team="data")}
    nobody = idle(cloud, "box-d", team="unknown")
    bill(acting, *boxes)
    (plan,) = sweep(acting)
    assert {target.id for target in plan.targets} == {*boxes, nobody}
    assert (plan.requested_by, plan.team, plan.state) == ("bursar", None, PlanState.PENDING)
    assert plan.approvers == {OPS, "U_OZ"}
    assert sorted(live(acting), key=str) == [
        ("data", "idle", "1 idle instance"), ("web", "idle", "2 idle instances"),
        (None, "idle", "1 idle instance"),
    ]  # fmt: skip
    assert {row.details["plan"] for row in acting.findings()} == {plan.id}
    assert set(plan.findings) == {row.id for row in acting.findings()}
    # 2 dollars on each of the last seven days, 365 / 12 times: 60.83 for each of the three.
    assert plan.saving == {"USD": Decimal("182.49")}
    assert [row.amount for row in acting.findings() if row.team == "web"] == [Decimal("121.66")]
    assert ("plan", plan.id) in acting.told("C_OPS")


def test_a_second_sweep_says_nothing_twice(acting: Company, cloud: World) -> None:
    idle(cloud)
    (plan,) = sweep(acting)
    before = acting.messages()
    acting.clock.turn(hours=1)
    assert sweep(acting) == []
    assert acting.messages() == before
    assert len(acting.findings()) == 1
    assert acting.state(plan.id) is PlanState.PENDING


def test_a_fourth_instance_joins_its_teams_finding_and_gets_a_plan_of_its_own(
    acting: Company, cloud: World
) -> None:
    first = idle(cloud, "box-a")
    sweep(acting)
    second = idle(cloud, "box-b")
    (plan,) = sweep(acting)
    assert [target.id for target in plan.targets] == [second]
    (finding,) = acting.findings()
    assert finding.title == "2 idle instances"
    assert {one["id"] for one in finding.details["resources"]} == {first, second}


def test_a_finding_is_resolved_when_the_thing_is_no_longer_idle(acting: Company, cloud: World) -> None:
    box = idle(cloud)
    (plan,) = sweep(acting)
    cloud.days(box, dict.fromkeys(range(3), BUSY))
    sweep(acting)
    assert live(acting) != []  # its plan still waits
    approvals.deny(acting.desk, plan.id, actor=OPS, shown=plan.hash, reason=None, now=acting.now)
    sweep(acting)
    assert live(acting) == []
    (finding,) = acting.findings()
    assert acting.entries(finding.id)[-1]["reason"] == "the sweep finds it no more"


def test_what_is_still_idle_after_a_no_is_found_again_and_not_proposed_twice_at_once(
    acting: Company, cloud: World
) -> None:
    idle(cloud)
    (plan,) = sweep(acting)
    approvals.deny(acting.desk, plan.id, actor=OPS, shown=plan.hash, reason=None, now=acting.now)
    acting.clock.turn(hours=24)
    (again,) = sweep(acting)
    assert again.id != plan.id
    assert len(acting.findings()) == 1


@pytest.mark.parametrize(
    "tags",
    [
        {"do-not-stop": "yes"},
        {"remediation": "exempt"},
        {"keep-running": ""},
        {"Environment": "prod"},
        {"bursar:protect": "x"},
    ],
)
def test_what_a_tag_protects_is_neither_proposed_nor_found(
    acting: Company, cloud: World, tags: dict[str, str]
) -> None:
    idle(cloud, "box-a", **tags)
    idle(cloud, "box-b")
    (plan,) = sweep(acting)
    assert [target.name for target in plan.targets] == ["box-b"]
    assert live(acting) == [("web", "idle", "1 idle instance")]


def test_an_installation_that_observes_finds_and_proposes_nothing(acting: Company, cloud: World) -> None:
    idle(cloud)
    acting.with_org(act=False)
    assert sweep(acting) == []
    assert live(acting) == [("web", "idle", "1 idle instance")]
    acting.with_org(act=True, accounts={ACCOUNT: replace(ORG.accounts[ACCOUNT], act=False)})
    assert sweep(acting) == []
    assert len(acting.findings()) == 1
    acting.with_org(accounts=ORG.accounts)
    assert len(sweep(acting)) == 1


def test_the_kill_switch_resolves_no_finding(acting: Company, cloud: World) -> None:
    idle(cloud)
    sweep(acting)
    switches.throw(acting.desk, on=True, actor=OPS, reason="storm", now=acting.now)
    approvals.expire(acting.desk, acting.now + 4 * HOUR)
    assert sweep(acting) == []
    assert live(acting) == [("web", "idle", "1 idle instance")]
    switches.throw(acting.desk, on=False, actor=OPS, reason="over", now=acting.now)
    assert len(sweep(acting)) == 1
    assert len(acting.findings()) == 1


def test_what_a_run_touched_is_left_alone_for_a_day(acting: Company, cloud: World) -> None:
    box = idle(cloud)
    (plan,) = sweep(acting)
    approvals.approve(acting.desk, plan.id, actor=OPS, shown=plan.hash, now=acting.now)
    assert acting.run(plan.id) is PlanState.SUCCEEDED
    cloud.ec2.start_instances(InstanceIds=[box])
    backend("ec2").get_instance(box).launch_time = naive(NOW.replace(month=3))
    acting.clock.turn(hours=23)
    assert sweep(acting) == []
    assert live(acting) == []


def test_nothing_is_deleted_that_the_bill_does_not_know(acting: Company, cloud: World) -> None:
    known, unknown = (cloud.volume(name, team="web", **MARKED) for name in ("known", "unknown"))
    bill(acting, known)
    (plan,) = sweep(acting)
    assert plan.runbook == VOLUMES
    assert [target.id for target in plan.targets] == [known]
    assert [(one.target, one.reason) for one in plan.struck] == [
        (unknown, "no bill shows it yet, and nothing is deleted on the inventory alone")
    ]
    assert (plan.quorum, plan.approvers) == (2, frozenset({OPS, "U_OZ", FIN, "U_FAY"}))


def test_without_a_bill_no_volume_is_proposed(acting: Company, cloud: World) -> None:
    cloud.volume("disk", team="web", **MARKED)
    assert sweep(acting) == []
    assert live(acting) == []


class Unanswered:
    """A cloud in which one region does not answer."""

    def __init__(self, clouds: AwsClouds, silent: str) -> None:
        self._clouds, self._silent = clouds, silent

    def client(self, account: str, service: str, region: str = "", *, mutating: bool = False) -> Any:
        """The client, or one that reaches nobody."""
        if region != self._silent:
            return self._clouds.client(account, service, region, mutating=mutating)
        once = Config(retries={"total_max_attempts": 1}, connect_timeout=1)
        make: Any = boto3.client
        return make(service, region_name=region, endpoint_url="http://127.0.0.1:9", config=once)


def test_a_sweep_that_could_not_look_everywhere_proposes_nothing_and_says_so(
    acting: Company, cloud: World
) -> None:
    idle(cloud)
    acting.with_org(regions=("eu-central-1", "eu-west-1"))
    clouds: Clouds = Unanswered(cloud.clouds, "eu-west-1")
    acting.desk = replace(acting.desk, clouds=clouds)
    assert sweep(acting) == []
    assert acting.findings() == []
    told = [text for template, text in acting.told("C_OPS") if template == "sentence"]
    assert len(told) == 4
    assert "The sweep for stop-idle-dev is incomplete, so nothing is proposed" in "".join(told)
    assert acting.events("stop-idle-dev") == ["sweep.incomplete"]


def test_an_incomplete_sweep_resolves_nothing(acting: Company, cloud: World) -> None:
    idle(cloud)
    (plan,) = sweep(acting)
    approvals.deny(acting.desk, plan.id, actor=OPS, shown=plan.hash, reason=None, now=acting.now)
    acting.desk = replace(acting.desk, clouds=Unanswered(cloud.clouds, "eu-central-1"))
    sweep(acting)
    assert live(acting) == [("web", "idle", "1 idle instance")]


def test_what_saves_too_little_is_found_and_the_log_says_why_it_is_not_proposed(
    acting: Company, cloud: World
) -> None:
    bill(acting, idle(cloud), amount="0.01")
    assert sweep(acting) == []
    assert live(acting) == [("web", "idle", "1 idle instance")]
    assert "less than the runbook's 5 USD" in acting.entries("stop-idle-dev")[-1]["reason"]


def test_too_many_targets_are_refused_whole_and_never_cut(acting: Company, cloud: World) -> None:
    acting.with_runbook(runbook("stop-idle-dev", guards={"max_targets": 1}))
    idle(cloud, "box-a")
    idle(cloud, "box-b")
    assert sweep(acting) == []
    assert "2 targets are more than the 1" in acting.entries("stop-idle-dev")[-1]["reason"]


def test_costs_of_two_currencies_are_not_added(acting: Company, cloud: World) -> None:
    acting.with_org(caps=Caps(percent_of_fleet=100, equivalents={"EUR": Decimal("1.1")}))
    dollars, euros, unknown = idle(cloud, "box-a"), idle(cloud, "box-b"), idle(cloud, "a-box")
    acting.bill(
        [
            charge(day, amount, resource=resource, team="web", currency=currency)
            for resource, amount, currency in ((dollars, "2", "USD"), (euros, "3", "EUR"))
            for day in WEEK.days()
        ]
    )
    (plan,) = sweep(acting)
    assert {target.id for target in plan.targets} == {dollars, euros, unknown}
    (finding,) = acting.findings()
    assert (finding.amount, finding.currency) == (Decimal("91.25"), "EUR")


def runaway(cloud: World, name: str = "loop") -> str:
    found = cloud.function(name, team="web")
    cloud.calls(name, peak=900, invocations=5_000_000)
    return found


def asked(company: Company, actor: str = ANN) -> Plan | None:
    """What a worker does with the press of Act on the newest finding."""
    (finding,) = company.findings()
    findings.act(company.desk, finding.id, actor=actor, channel="C_WEB", now=company.now)
    job = company.jobs("propose")[-1]
    return sweeps.act(
        company.desk,
        job.args["finding"],
        actor=job.args["actor"],
        channel=job.args["channel"],
        now=company.now,
    )


def whispers(company: Company) -> Sequence[tuple[str | None, str | None, str]]:
    return [(one.channel, one.person, one.args["text"]) for one in company.messages("ephemeral")]


def test_what_is_proposed_on_request_is_a_notice_with_a_button_until_somebody_asks(
    acting: Company, cloud: World
) -> None:
    function = runaway(cloud)
    assert sweep(acting) == []
    (finding,) = acting.findings()
    assert acting.told("C_WEB") == [("finding", finding.id)]
    plan = asked(acting)
    assert plan is not None
    assert ([target.id for target in plan.targets], plan.requested_by, plan.team) == ([function], ANN, "web")
    assert acting.findings()[0].details["plan"] == plan.id
    # A second press finds that a plan waits, and says so to the one who pressed.
    assert asked(acting) is None
    assert whispers(acting) == [
        ("C_WEB", ANN, "A plan for this waits for approval already, or there is nothing left to act on.")
    ]


def test_who_pressed_act_is_refused_as_an_approver(acting: Company, cloud: World) -> None:
    acting.with_org(groups={"platform-oncall": frozenset({ANN, OPS})})
    runaway(cloud)
    sweep(acting)
    plan = asked(acting)
    assert plan is not None
    with pytest.raises(Refused, match="You asked for this plan"):
        approvals.approve(acting.desk, plan.id, actor=ANN, shown=plan.hash, now=acting.now)
    approvals.approve(acting.desk, plan.id, actor=OPS, shown=plan.hash, now=acting.now)
    assert acting.run(plan.id) is PlanState.SUCCEEDED
    assert acting.findings()[0].state == FindingState.RESOLVED


def test_a_finding_that_was_answered_meanwhile_is_not_acted_on(acting: Company, cloud: World) -> None:
    runaway(cloud)
    sweep(acting)
    (finding,) = acting.findings()
    findings.act(acting.desk, finding.id, actor=ANN, channel="C_WEB", now=acting.now)
    findings.answer(acting.desk, finding.id, verdict=FindingState.EXPECTED, actor=ANN, now=acting.now)
    assert sweeps.act(acting.desk, finding.id, actor=ANN, channel="C_WEB", now=acting.now) is None
    assert "already expected" in whispers(acting)[-1][2]
    assert acting.told("C_OPS") == []


def test_a_finding_without_resources_is_never_everything(acting: Company, cloud: World) -> None:
    runaway(cloud)
    sweep(acting)
    (finding,) = acting.findings()
    with acting.store.writing(acting.now) as unit:
        row = unit.get(type(finding), finding.id)
        unit.change(row, details={**row.details, "resources": []})
    assert sweeps.act(acting.desk, finding.id, actor=ANN, channel="C_WEB", now=acting.now) is None
    assert "names no resource" in whispers(acting)[-1][2]


@pytest.mark.parametrize("person", [OUT, BEN, OPS])
def test_only_its_owners_ask_for_a_plan(acting: Company, cloud: World, person: str) -> None:
    runaway(cloud)
    sweep(acting)
    with pytest.raises(Refused, match="Only the owners"):
        asked(acting, person)
    assert acting.jobs("propose") == []

"""Two-phase reclaim in a cloud: mark, notify, grace, check again, snapshot, delete."""

from typing import Any

from actions.base import RECLAIM_TAG
from actions.plan import Plan, PlanState, Tier
from flows import approvals, say, sweeps, undo
from storage import say as said
from tests.actions.world import NOW, World
from tests.flows.world import ANN, FIN, OPS, OZ, WEEK, Company, charge


def orphan(company: Company, cloud: World, **tags: Any) -> str:
    """A volume that nothing uses and the bill knows."""
    volume = cloud.volume("disk", **tags)
    company.bill([charge(day, "1", resource=volume) for day in WEEK.days()])
    return volume


def swept(company: Company) -> list[Plan]:
    return sweeps.sweep(company.desk, company.now)


def marked(company: Company) -> Plan:
    """The mark's own plan, approved and run."""
    (plan,) = swept(company)
    approvals.approve(company.desk, plan.id, actor=OPS, shown=plan.hash, now=company.now)
    assert company.run(plan.id) is PlanState.SUCCEEDED
    return plan


def tag_of(cloud: World, volume: str) -> str | None:
    (row,) = cloud.ec2.describe_volumes(VolumeIds=[volume])["Volumes"]
    return {tag["Key"]: tag["Value"] for tag in row["Tags"]}.get(RECLAIM_TAG)


def agreed(company: Company, plan: Plan) -> None:
    for actor in (OPS, FIN):
        approvals.approve(
            company.desk, plan.id, actor=actor, shown=plan.hash, now=company.now, reason="nobody reads it"
        )


def test_a_fresh_orphan_is_marked_under_a_plan_of_its_own_and_its_owners_are_told(
    acting: Company, cloud: World
) -> None:
    volume = orphan(acting, cloud, team="web")
    plan = marked(acting)
    assert (plan.runbook, plan.tier, plan.not_before) == ("mark-unattached-volumes", Tier.T1, None)
    assert tag_of(cloud, volume) == str(NOW.date())
    assert [row.channel for row in acting.messages("post") if row.template == "warned"] == ["C_WEB"]
    assert swept(acting) == []  # neither marked again nor deleted yet


def test_only_after_its_days_of_grace_is_it_deleted_and_looked_at_again_before(
    acting: Company, cloud: World
) -> None:
    volume = orphan(acting, cloud, team="web")
    marked(acting)
    acting.clock.turn(days=8)  # a Thursday; the seventh business day is the Friday
    assert swept(acting) == []
    acting.clock.turn(days=1)
    (plan,) = swept(acting)
    assert (plan.runbook, plan.tier) == ("reclaim-unattached-volumes", Tier.T2)
    agreed(acting, plan)
    assert acting.run(plan.id) is PlanState.SUCCEEDED
    assert cloud.ec2.describe_volumes()["Volumes"] == []
    back = undo.undo(acting.desk, plan.id, actor=OZ, now=acting.now)
    assert acting.run(back.id) is PlanState.SUCCEEDED
    (made,) = cloud.ec2.describe_volumes()["Volumes"]
    assert made["VolumeId"] != volume
    assert RECLAIM_TAG not in {tag["Key"] for tag in made["Tags"]}


def test_what_nobody_owns_has_14_days(acting: Company, cloud: World) -> None:
    orphan(acting, cloud)
    marked(acting)
    acting.clock.turn(days=13)
    assert swept(acting) == []
    acting.clock.turn(days=1)
    assert [plan.runbook for plan in swept(acting)] == ["reclaim-unattached-volumes"]


def test_who_takes_the_mark_off_has_said_no(acting: Company, cloud: World) -> None:
    volume = orphan(acting, cloud, team="web")
    marked(acting)
    acting.clock.turn(days=9)
    (plan,) = swept(acting)
    agreed(acting, plan)
    cloud.ec2.delete_tags(Resources=[volume], Tags=[{"Key": RECLAIM_TAG}])
    acting.run(plan.id)
    assert acting.state(plan.id) is not PlanState.SUCCEEDED
    assert cloud.ec2.describe_volumes()["Volumes"]


def test_an_undo_takes_the_mark_back(acting: Company, cloud: World) -> None:
    volume = orphan(acting, cloud, team="web")
    plan = marked(acting)
    back = undo.undo(acting.desk, plan.id, actor=OZ, now=acting.now)
    assert acting.run(back.id) is PlanState.SUCCEEDED
    assert tag_of(cloud, volume) == "withdrawn"
    acting.clock.turn(days=9)
    assert [plan.runbook for plan in swept(acting)] == ["mark-unattached-volumes"]


def test_an_owner_keeps_a_volume_from_the_mark_on(acting: Company, cloud: World) -> None:
    volume = orphan(acting, cloud, team="web")
    (plan,) = swept(acting)
    with acting.store.reading() as session:
        (row,) = said.warnings(session, plan.id)
    until = str(NOW.date().replace(month=8))
    say.keep(
        acting.desk, row.id, which=say.ALL, until=until, reason="a restore test", actor=ANN, now=acting.now
    )
    approvals.approve(acting.desk, plan.id, actor=OPS, shown=plan.hash, now=acting.now)
    assert acting.run(plan.id) is PlanState.APPROVED
    assert tag_of(cloud, volume) is None

"""Deleting with a snapshot, and taking back what a run did."""

from dataclasses import replace

import pytest

from actions import planning
from actions.base import Target
from actions.plan import PlanState
from actions.registry import action
from actions.step import StepState
from tests.actions.proxy import Proxy
from tests.actions.running import Run, boxes, frozen, stops
from tests.actions.world import NOW, SCOPE, World

S, P = StepState, PlanState


@pytest.mark.case("T39")
def test_a_volume_is_deleted_only_after_its_snapshot_is_complete(world: World, proxy: Proxy) -> None:
    made = [world.volume(f"disk-{n}", Environment="dev") for n in range(3)]
    targets = list(action("aws.snapshot_volume").find(world.clouds, SCOPE, volume_params()))
    run = Run(world, frozen(targets, "reclaim-unattached-volumes"))
    assert run.go() is P.SUCCEEDED
    changes = [
        name
        for name, body in proxy.calls
        if name in {"CreateSnapshot", "DeleteVolume"} and "DryRun" not in body
    ]
    assert changes == ["CreateSnapshot", "DeleteVolume"] + ["CreateSnapshot"] * 2 + ["DeleteVolume"] * 2
    assert [step.step for step in run.journal.steps()] == [
        "snapshot",
        "delete",
        *["snapshot"] * 2,
        *["delete"] * 2,
    ]
    assert world.ec2.describe_volumes(Filters=[{"Name": "volume-id", "Values": made}])["Volumes"] == []


def test_without_its_snapshot_a_volume_stays(world: World, proxy: Proxy) -> None:
    made = world.volume("disk", Environment="dev")
    targets = list(action("aws.snapshot_volume").find(world.clouds, SCOPE, volume_params()))
    run = Run(world, frozen(targets, "reclaim-unattached-volumes", stop_after_failures=5))
    proxy.fault = lambda name, _body: "deny" if name == "CreateSnapshot" else None
    assert run.go() is P.HALTED
    assert run.states() == [S.FAILED, S.SKIPPED]
    assert run.row(1).detail == "the step before it was not done"
    assert world.ec2.describe_volumes(VolumeIds=[made])["Volumes"]


def volume_params() -> object:
    return action("aws.snapshot_volume").Params()


def undone(world: World, run: Run) -> Run:
    plan = planning.undo(run.plan, run.journal.steps(), plan_id="plan-2", approvers={"U_ANN"}, now=NOW)
    return Run(world, plan)


def test_an_undo_starts_what_was_stopped_and_leaves_what_somebody_started(world: World, proxy: Proxy) -> None:
    targets = boxes(world, 4)
    run = Run(world, frozen(targets))
    assert run.go() is P.SUCCEEDED
    world.ec2.start_instances(InstanceIds=[targets[2].id])
    proxy.reset()
    back = undone(world, run)
    assert back.go() is P.SUCCEEDED
    assert {world.state(target.id) for target in targets} == {"running"}
    assert proxy.count("StartInstances", holding=targets[2].id) == 0
    assert proxy.count("StartInstances") == 3
    assert [step.target for step in back.journal.steps() if not step.changed] == [targets[2].id]


def test_an_undo_goes_on_although_most_of_it_is_gone(world: World) -> None:
    targets = boxes(world, 3)
    run = Run(world, frozen(targets))
    run.go()
    world.ec2.terminate_instances(InstanceIds=[targets[2].id, targets[1].id])
    back = undone(world, run)
    assert back.go() is P.PARTIAL
    assert back.states() == [S.SKIPPED, S.SKIPPED, S.DONE]
    assert world.state(targets[0].id) == "running"


def test_deleted_volumes_come_back_under_a_new_id(world: World) -> None:
    world.volume("disk", Environment="dev", Owner="team-a")
    targets = list(action("aws.snapshot_volume").find(world.clouds, SCOPE, volume_params()))
    run = Run(world, frozen(targets, "reclaim-unattached-volumes"))
    assert run.go() is P.SUCCEEDED
    back = undone(world, run)
    assert back.go() is P.SUCCEEDED
    after = Target.from_data(back.row(0).after or {})
    assert after.id != targets[0].id
    assert (after.tags["Owner"], after.facts["size"]) == ("team-a", "20")


def test_a_capped_function_gets_its_concurrency_back(world: World) -> None:
    world.function("runaway")
    world.calls("runaway", peak=400, invocations=10)
    cap = action("aws.cap_lambda_concurrency")
    targets = list(cap.find(world.clouds, SCOPE, cap.Params.model_validate({"limit": 5, "peak_above": 50})))
    run = Run(world, frozen(targets, "cap-lambda-concurrency"))
    assert run.go() is P.SUCCEEDED
    back = undone(world, run)
    assert back.go() is P.SUCCEEDED
    assert Target.from_data(back.row(0).after or {}).state == "uncapped"


def test_a_namesake_that_is_stopped_already_is_not_taken_for_the_target(world: World) -> None:
    [box] = boxes(world, 1)
    run = Run(world, frozen([replace(box, identity="another time")]))
    world.ec2.stop_instances(InstanceIds=[box.id])
    assert run.go() is P.HALTED
    assert run.states() == [S.SKIPPED]


def test_a_namesake_in_place_of_the_target_is_not_touched(world: World, proxy: Proxy) -> None:
    [box] = boxes(world, 1)
    run = Run(world, frozen([replace(box, identity="another time")]))
    assert run.go() is P.HALTED
    assert run.row(0).detail == "it is another instance under the same name"
    assert stops(proxy) == []

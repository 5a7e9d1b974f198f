"""Unattached volumes: found, saved, deleted, and made anew."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from actions import guards
from actions.aws import volumes
from actions.aws.delete_volume import DeleteVolume
from actions.aws.restore_volume import RestoreVolume
from actions.aws.snapshot_volume import SnapshotVolume
from actions.aws.volumes import VolumeParams
from actions.base import RUN_TAG, STEP_TAG, Params, Target
from actions.errors import ActionFailed, OutcomeUnknown, Unreadable
from tests.actions.proxy import Proxy
from tests.actions.world import MIDNIGHT, SCOPE, World, backend, figure, ids

SNAPSHOT, DELETE, RESTORE = SnapshotVolume(), DeleteVolume(), RestoreVolume()
PARAMS = VolumeParams()


@pytest.fixture
def disk(world: World) -> Target:
    """An old, unattached volume, as a sweep finds it."""
    made = world.volume("old", Owner="team-a", Environment="dev")
    [found] = SNAPSHOT.find(world.clouds, SCOPE, PARAMS)
    assert found.id == made
    return found


def test_old_unattached_volumes_are_found_and_near_misses_are_not(world: World) -> None:
    old = world.volume("old")
    world.volume("young", days_old=5)
    attached = world.volume("attached")
    world.ec2.attach_volume(VolumeId=attached, InstanceId=world.instance(), Device="/dev/sdf")
    lately = world.volume("detached-last-week")
    at = MIDNIGHT - timedelta(days=6)
    world.put("AWS/EBS", [figure("VolumeReadOps", "VolumeId", lately, at, Value=0)])
    found = list(DELETE.find(world.clouds, SCOPE, PARAMS))
    assert ids(found) == {old}
    assert "attached to nothing, 90 days old" in found[0].why
    assert found[0].facts["size"] == "20"


def test_a_snapshot_carries_run_step_and_the_volumes_tags(world: World, disk: Target) -> None:
    assert SNAPSHOT.reached(world.clouds, disk, PARAMS, key="key-1") is None
    SNAPSHOT.apply(world.clouds, disk, PARAMS, run="run-1", key="key-1")
    after = SNAPSHOT.reached(world.clouds, disk, PARAMS, key="key-1")
    assert after is not None
    assert disk.drift(after) is None
    [made] = volumes.snapshots(world.clouds, disk)
    assert made["SnapshotId"] in after.why
    assert world.tags(made["SnapshotId"]) == {**disk.tags, RUN_TAG: "run-1", STEP_TAG: "key-1"}


def test_a_repeat_finds_the_snapshot_by_its_step(world: World, proxy: Proxy, disk: Target) -> None:
    for _ in range(2):
        SNAPSHOT.apply(world.clouds, disk, PARAMS, run="run-1", key="key-1")
    assert proxy.count("CreateSnapshot") == 1


def test_a_pending_snapshot_is_not_enough_and_a_failed_one_is_said(world: World, disk: Target) -> None:
    SNAPSHOT.apply(world.clouds, disk, PARAMS, run="run-1", key="key-1")
    [made] = volumes.snapshots(world.clouds, disk)
    kept = backend("ec2").snapshots[made["SnapshotId"]]
    kept.status = "pending"
    assert SNAPSHOT.reached(world.clouds, disk, PARAMS, key="key-1") is None
    with pytest.raises(ActionFailed, match="SnapshotMissing"):
        DELETE.apply(world.clouds, disk, PARAMS, run="run-1", key="key-2")
    kept.status = "error"
    with pytest.raises(ActionFailed, match="SnapshotFailed"):
        SNAPSHOT.reached(world.clouds, disk, PARAMS, key="key-1")


def snapshot_of_a_stranger(world: World, disk: Target) -> None:
    world.ec2.create_snapshot(VolumeId=disk.id)


def snapshot_of_another_run(world: World, disk: Target) -> None:
    SNAPSHOT.apply(world.clouds, disk, PARAMS, run="run-0", key="key-0")


def snapshot_of_another_volume(world: World, _disk: Target) -> None:
    other = world.volume("other")
    [target] = [t for t in SNAPSHOT.find(world.clouds, SCOPE, PARAMS) if t.id == other]
    SNAPSHOT.apply(world.clouds, target, PARAMS, run="run-1", key="key-0")


@pytest.mark.parametrize(
    "prepare", [snapshot_of_a_stranger, snapshot_of_another_run, snapshot_of_another_volume]
)
def test_only_this_runs_snapshot_of_this_volume_allows_the_deletion(
    world: World, proxy: Proxy, disk: Target, prepare: Any
) -> None:
    prepare(world, disk)
    with pytest.raises(ActionFailed) as failed:
        DELETE.apply(world.clouds, disk, PARAMS, run="run-1", key="key-2")
    assert failed.value.code == "SnapshotMissing"
    assert proxy.of("DeleteVolume") == []


def test_snapshots_are_never_asked_for_by_owner_alone(world: World, proxy: Proxy, disk: Target) -> None:
    SNAPSHOT.apply(world.clouds, disk, PARAMS, run="run-1", key="key-1")
    SNAPSHOT.reached(world.clouds, disk, PARAMS, key="key-1")
    asked = proxy.of("DescribeSnapshots")
    assert asked
    assert all("volume-id" in body and "tag" in body for body in asked)


def saved(world: World, disk: Target) -> None:
    SNAPSHOT.apply(world.clouds, disk, PARAMS, run="run-1", key="key-1")


def test_a_deletion_is_rehearsed_and_sent_once(world: World, proxy: Proxy, disk: Target) -> None:
    saved(world, disk)
    assert DELETE.reached(world.clouds, disk, PARAMS, key="key-2") is None
    DELETE.apply(world.clouds, disk, PARAMS, run="run-1", key="key-2")
    assert [name for name, _ in proxy.calls if "DeleteVolume" in name] == [
        "DryRun DeleteVolume",
        "DeleteVolume",
    ]
    after = DELETE.reached(world.clouds, disk, PARAMS, key="key-2")
    assert after is not None
    assert after.state == "deleted"
    assert after.facts["snapshot"].startswith("snap-")
    assert DELETE.read(world.clouds, disk) is None


@pytest.mark.parametrize("fault", ["deny", "drop", "html"])
def test_a_rehearsal_that_fails_deletes_nothing(world: World, proxy: Proxy, disk: Target, fault: str) -> None:
    saved(world, disk)
    proxy.fault = lambda name, _body: fault if name == "DryRun DeleteVolume" else None
    with pytest.raises(ActionFailed):
        DELETE.apply(world.clouds, disk, PARAMS, run="run-1", key="key-2")
    assert proxy.count("DeleteVolume") == 0
    assert DELETE.read(world.clouds, disk) is not None


def test_a_lost_answer_to_the_deletion_is_unknown(world: World, proxy: Proxy, disk: Target) -> None:
    saved(world, disk)
    proxy.fault = lambda name, _body: "lose" if name == "DeleteVolume" else None
    with pytest.raises(OutcomeUnknown):
        DELETE.apply(world.clouds, disk, PARAMS, run="run-1", key="key-2")
    assert proxy.count("DeleteVolume") == 1


def test_snapshots_that_cannot_be_listed_stop_the_deletion(world: World, proxy: Proxy, disk: Target) -> None:
    saved(world, disk)
    proxy.fault = lambda name, _body: "deny" if name == "DescribeSnapshots" else None
    with pytest.raises(Unreadable):
        DELETE.apply(world.clouds, disk, PARAMS, run="run-1", key="key-2")
    assert proxy.of("DeleteVolume") == []


def deleted(world: World, disk: Target) -> Target:
    saved(world, disk)
    DELETE.apply(world.clouds, disk, PARAMS, run="run-1", key="key-2")
    after = DELETE.reached(world.clouds, disk, PARAMS, key="key-2")
    assert after is not None
    return after


def test_a_deleted_volume_comes_back_with_size_type_zone_and_tags(world: World, disk: Target) -> None:
    gone = deleted(world, disk)
    assert RESTORE.read(world.clouds, gone) == gone
    assert RESTORE.reached(world.clouds, gone, Params(), key="key-3") is None
    RESTORE.apply(world.clouds, gone, Params(), run="run-2", key="key-3")
    back = RESTORE.reached(world.clouds, gone, Params(), key="key-3")
    assert back is not None
    assert back.id != disk.id
    assert (back.state, back.name) == ("available", "old")
    assert {name: back.facts[name] for name in ("size", "type", "zone")} == {
        "size": "20",
        "type": "gp3",
        "zone": "eu-central-1a",
    }
    assert back.tags == {**disk.tags, RUN_TAG: "run-2", STEP_TAG: "key-3"}
    assert disk.id in back.why


def test_without_its_snapshot_nothing_comes_back(world: World, proxy: Proxy, disk: Target) -> None:
    gone = deleted(world, disk)
    world.ec2.delete_snapshot(SnapshotId=gone.facts["snapshot"])
    for target in (gone, replace(gone, facts={"zone": "eu-central-1a", "type": "gp3"})):
        with pytest.raises(ActionFailed, match="SnapshotMissing"):
            RESTORE.apply(world.clouds, target, Params(), run="run-2", key="key-3")
    assert proxy.count("CreateVolume") == 1  # the one that the test made


def test_a_volume_that_was_not_deleted_is_drift_for_its_restoration(world: World, disk: Target) -> None:
    fresh = RESTORE.read(world.clouds, replace(disk, state="deleted"))
    assert fresh is not None
    assert replace(disk, state="deleted").drift(fresh) == "it was deleted and is available"


@pytest.mark.case("T35")
def test_a_volume_inherits_the_tags_of_the_instance_that_holds_it(world: World, disk: Target) -> None:
    assert disk.inherited == {}
    holder = world.instance("holder")
    world.tag(holder, **{"Do-Not-Stop": "db"})
    world.ec2.attach_volume(VolumeId=disk.id, InstanceId=holder, Device="/dev/sdg")
    held = DELETE.read(world.clouds, disk)
    assert held is not None
    assert held.inherited["Do-Not-Stop"] == "db"
    assert guards.protection(held, ()) == "the tag Do-Not-Stop=db of what it hangs on protects it"


def test_the_fleet_of_volumes_is_all_of_them(world: World, disk: Target) -> None:
    attached = world.volume("attached", Environment="dev")
    world.ec2.attach_volume(VolumeId=attached, InstanceId=world.instance(), Device="/dev/sdf")
    assert {disk.id, attached} <= ids([*DELETE.fleet(world.clouds, SCOPE)])

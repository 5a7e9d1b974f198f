"""Twenty approvals clicked at once while twenty remediations of four seconds run, beside Bolt's defaults."""

import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import parse_qs

from actions.plan import Plan, PlanState
from benchmarks import _scene as scene
from bot import main as bursar
from bot.settings import adopt, load
from flows.desk import Desk
from storage import plans

CLICKS, SECONDS, LIMIT_MS = 20, 4.0, 500


def main() -> None:
    """Measure ours, then the peer, in front of the same cloud."""
    with tempfile.TemporaryDirectory() as folder, scene.surroundings(stop_takes=SECONDS) as around:
        given = scene.environment(around, Path(folder))
        adopt({key: value for key, value in given.items() if key.startswith("AWS_")})
        desk = bursar.open_desk(load(given), clouds=True)
        ids = _machines(desk, 3 * CLICKS)
        ours = _ours(desk, given, around, ids[: 2 * CLICKS])
        desk.store.close()
        theirs = _theirs(given, around, ids[2 * CLICKS :])
    slowest = max(ack.milliseconds for ack in ours)
    scene.verdict("slowest ack", slowest, LIMIT_MS, "ms")
    lost = [f"{sum(ack.status != 200 for ack in acks)} of {len(acks)}" for acks in (ours, theirs)]
    print(f"lost acks: ours {lost[0]}, peer {lost[1]}")
    print(f"slowest ack, ours / peer: {slowest / max(ack.milliseconds for ack in theirs):.3f}")


def _machines(desk: Desk, count: int) -> list[str]:
    assert desk.clouds is not None
    client = desk.clouds.client(scene.ACCOUNT, "ec2", scene.REGION, mutating=True)
    image = client.describe_images()["Images"][0]["ImageId"]
    made = client.run_instances(ImageId=image, MinCount=count, MaxCount=count)
    return [row["InstanceId"] for row in made["Instances"]]


def _plans(desk: Desk, ids: Sequence[str]) -> list[Plan]:
    """One plan for each machine, as a sweep proposes them."""
    assert desk.clouds is not None
    client = desk.clouds.client(scene.ACCOUNT, "ec2", scene.REGION)
    found = client.describe_instances(InstanceIds=list(ids))["Reservations"]
    rows = [row for reservation in found for row in reservation["Instances"]]
    return [scene.proposed(desk, [row]) for row in rows]


def _ours(
    desk: Desk, given: Mapping[str, str], around: scene.Surroundings, ids: Sequence[str]
) -> list[scene.Ack]:
    values = [f"{plan.id}:{plan.hash[:16]}" for plan in _plans(desk, ids)]
    port = scene.free_port()
    with scene.talker(given, port), scene.worker(given):
        found = _approve("ours, nothing runs yet", port, values[:CLICKS])
        scene.until(lambda: _stopped(around, ids) == CLICKS, "20 remediations run")
        found += _approve(f"ours, while {CLICKS} run", port, values[CLICKS:])
        scene.until(lambda: _ended(desk) == len(ids), "all runs have ended")
    _told_effects("ours", around, ids)
    return found


def _theirs(given: Mapping[str, str], around: scene.Surroundings, ids: Sequence[str]) -> list[scene.Ack]:
    port = scene.free_port()
    with scene.process(["-m", "benchmarks._peer", str(port)], given, Path(given["BURSAR_HOME"]) / "peer.log"):
        scene.until(lambda: scene.ready(port), "the peer is ready")
        found = _approve("Bolt's defaults, nothing runs yet", port, ids)
        scene.until(lambda: _stopped(around, ids) == len(ids), "all of the peer's calls arrived")
    _told_effects("Bolt's defaults", around, ids)
    return found


def _approve(who: str, port: int, values: Sequence[str]) -> list[scene.Ack]:
    found = scene.press_together(port, "approval.approve", values, person=scene.APPROVER)
    times = [ack.milliseconds for ack in found]
    statuses = dict(Counter(ack.status for ack in found))
    print(
        f"{who}: {len(found)} clicks at once, answers {statuses}, "
        f"median {scene.percentile(times, 50):.0f} ms, slowest {max(times):.0f} ms"
    )
    return found


def _stops(around: scene.Surroundings, ids: Sequence[str]) -> Counter[str]:
    """How many StopInstances calls arrived for each of these machines."""
    named = [parse_qs(body)["InstanceId.1"][0] for body in around.calls("StopInstances")]
    return Counter(name for name in named if name in ids)


def _stopped(around: scene.Surroundings, ids: Sequence[str]) -> int:
    return len(_stops(around, ids))


def _told_effects(who: str, around: scene.Surroundings, ids: Sequence[str]) -> None:
    counts = Counter(_stops(around, ids)[name] for name in ids)
    print(f"{who}: machines by number of StopInstances calls: {dict(counts)}")


def _ended(desk: Desk) -> int:
    with desk.store.reading() as session:
        rows = plans.find(session, states=(PlanState.SUCCEEDED,))
    return len(rows)


if __name__ == "__main__":
    main()

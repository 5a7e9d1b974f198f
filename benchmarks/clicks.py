"""Two hundred clicks within a second while fifty runs are under way: how long each ack takes, what acted."""

import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from sqlalchemy import text

from actions.plan import Plan, PlanState
from benchmarks import _scene as scene
from bot import main as bursar
from bot.settings import adopt, load
from flows.desk import Desk
from storage import audit, plans, tables

CLICKS, RUNS, WORKERS, LIMIT_MS, ACTED_WITHIN = 200, 50, 3, 500, 15
#: How long the cloud holds each call back: longer than the clicks take.
SECONDS = 20.0
#: Room for all of them on one day, and no day's wait for their owners.
SETTINGS = "caps: { targets_per_day: 5000, percent_of_fleet: 100 }\nwave_pause: 0\nowner_warning: 0\n"


def main() -> None:
    """Start the runs, then click."""
    with tempfile.TemporaryDirectory() as folder, scene.surroundings(stop_takes=SECONDS) as around:
        given = scene.environment(around, Path(folder))
        with Path(given["BURSAR_CONFIG"]).open("a") as settings:
            settings.write(SETTINGS)
        adopt({key: value for key, value in given.items() if key.startswith("AWS_")})
        desk = bursar.open_desk(load(given), clouds=True)
        values = [f"{plan.id}:{plan.hash[:16]}" for plan in _plans(desk, RUNS + CLICKS)]
        port = scene.free_port()
        with scene.talker(given, port), ExitStack() as workers:
            for _ in range(WORKERS):  # one runs 24 plans at a time
                workers.enter_context(scene.worker(given))
            scene.until(lambda: _known(desk), "Slack said who is who")
            scene.press_together(port, "approval.approve", values[:RUNS], person=scene.APPROVER)
            scene.until(lambda: _under_way(desk) >= RUNS, f"{RUNS} runs are under way", 45)
            acks, under_way, began = _over_a_second(port, values[RUNS:]), _under_way(desk), time.monotonic()
            scene.until(lambda: _approved(desk) == len(values), "each click is acted on", 60)
            _tell(desk, acks, under_way, time.monotonic() - began)
        desk.store.close()


def _plans(desk: Desk, count: int) -> list[Plan]:
    """A plan for each of so many machines."""
    assert desk.clouds is not None
    client = desk.clouds.client(scene.ACCOUNT, "ec2", scene.REGION, mutating=True)
    image = client.describe_images()["Images"][0]["ImageId"]
    client.run_instances(ImageId=image, MinCount=count, MaxCount=count)
    pages = client.get_paginator("describe_instances").paginate()
    rows = [row for page in pages for group in page["Reservations"] for row in group["Instances"]]
    return [scene.proposed(desk, [row]) for row in rows]


def _over_a_second(port: int, values: Sequence[str]) -> list[scene.Ack]:
    """Click all of these, evenly over one second."""
    found: list[scene.Ack] = []
    began = time.monotonic()

    def one(number: int, value: str) -> None:
        time.sleep(max(0.0, began + number / len(values) - time.monotonic()))
        found.append(scene.press(port, "approval.approve", value, person=scene.APPROVER))

    threads = [threading.Thread(target=one, args=given) for given in enumerate(values)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def _known(desk: Desk) -> bool:
    with desk.store.reading() as session:
        return session.get(tables.Member, scene.APPROVER) is not None


def _under_way(desk: Desk) -> int:
    with desk.store.reading() as session:
        return len(plans.find(session, states=(PlanState.RUNNING,)))


def _approved(desk: Desk) -> int:
    with desk.store.reading() as session:
        query = text("SELECT count(*) FROM audit WHERE event = 'approval.approve'")
        return int(session.execute(query).scalar_one())


def _tell(desk: Desk, acks: Sequence[scene.Ack], under_way: int, acting: float) -> None:
    times = [ack.milliseconds for ack in acks]
    print(
        f"{len(acks)} clicks while {under_way} runs were under way, answers "
        f"{dict(Counter(ack.status for ack in acks))}, median {scene.percentile(times, 50):.0f} ms, "
        f"p95 {scene.percentile(times, 95):.0f} ms"
    )
    with desk.store.reading() as session:
        approved = Counter(
            row["subject"] for row in audit.rows(session) if row["event"] == "approval.approve"
        )
    print(f"plans by number of approvals in the log: {dict(Counter(approved.values()))}")
    scene.verdict("slowest ack", max(times), LIMIT_MS, "ms")
    scene.verdict("all acted on, after the last ack", acting, ACTED_WITHIN, "s")


if __name__ == "__main__":
    main()

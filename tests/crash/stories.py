"""What people want in each story, as functions that look at the rows and do the next thing."""

import shutil
from collections.abc import Callable, Mapping

from actions.plan import PlanState
from flows import disputes, recovery
from spend.dispute import DisputeState
from storage import recovery as memory
from storage import tables
from storage.work import JobState, SnapshotState
from tests.crash.play import Bot, surface
from tests.flows.world import ANN, FIN, OPS, WEEK

LIVE = frozenset({PlanState.PENDING, PlanState.APPROVED, PlanState.RUNNING})
#: How a run may end after which there is something to take back.
UNDOABLE = frozenset({PlanState.SUCCEEDED, PlanState.PARTIAL})


def remedy(bot: Bot) -> bool:
    """Approve what the sweep proposes, and take the run back when it is over."""
    plans: list[tables.Plan] = sorted(bot.rows(tables.Plan), key=lambda row: row.undo_of or "")
    for plan in plans:
        if plan.state == PlanState.PENDING:
            press(bot, OPS, "approval.approve", plan, f"{plan.id}:{plan.hash}")
    if len(plans) == 1 and plans[0].state in UNDOABLE:
        press(bot, OPS, "approval.undo", plans[0], f"{plans[0].id}:{plans[0].hash}")
        return False
    return bool(plans) and not any(plan.state in LIVE for plan in plans)


def money(bot: Bot) -> bool:
    """Bring the bill in, publish the digests, dispute a charge, and uphold that."""
    done = {job.kind: job.state == JobState.DONE for job in bot.rows(tables.Job)}
    if "import" not in done:
        bill = {"path": str(bot.desk.lake.home / "in" / "bill.csv"), "actor": FIN}
        queue(bot, "import", bill)
    elif done["import"] and "digest" not in done:
        queue(bot, "digest", {"week": WEEK.start.isoformat()})
    elif done.get("digest") and "dispute.open" not in done:
        (digest,) = (row for row in bot.rows(tables.Digest) if row.team == "web")
        disputes.open_one(
            bot.desk,
            digest.id,
            0,
            reason="not ours",
            proposed_team="data",
            actor=ANN,
            now=bot.clock(),
        )
    for dispute in bot.rows(tables.Dispute):
        if dispute.state != DisputeState.OPEN:
            return True
        press(bot, FIN, "dispute.uphold", dispute, dispute.id)
    return False


def lake(bot: Bot) -> bool:
    """Bring two bills in, one in place of the other, publish, and wait until only the latter is kept."""
    done = {f"{job.kind} {job.key}": job.state == JobState.DONE for job in bot.rows(tables.Job)}
    for name in ("former", "bill"):
        if not done.get(f"import {name}"):
            place = str(bot.desk.lake.home / "in" / f"{name}.csv")
            queue(bot, "import", {"path": place, "actor": FIN}, key=name)
            return False
    if "digest once" not in done:
        shutil.rmtree(bot.desk.lake.home / "cache", ignore_errors=True)  # there are copies only
        queue(bot, "digest", {"week": WEEK.start.isoformat()})
    states = {row.id: row.state for row in bot.rows(tables.Snapshot)}
    current = {key for key, state in states.items() if state == SnapshotState.CURRENT}
    if done.get("digest once") and bot.desk.lake.place.held().keys() != current:
        bot.clock.turn(days=1 if SnapshotState.COLLECTED in states.values() else 31)
        return False
    if bot.waits():  # for a time that a life before this one had come to
        bot.clock.turn(days=1)
    return bool(done.get("digest once"))


def restored(bot: Bot) -> bool:
    """Two people resume, each from a terminal."""
    (row,) = bot.rows(tables.Recovery)
    with bot.store.reading() as session:
        waits = memory.waiting(session)
    looked = {job.kind: job.state for job in bot.rows(tables.Job)}.get(memory.RECONCILE) == JobState.DONE
    if waits is not None and looked:
        recovery.resume(bot.desk, actor=FIN if row.first else OPS, reason="looked", now=bot.clock())
    return waits is None and looked


def queue(bot: Bot, kind: str, args: dict[str, str], key: str = "once") -> None:
    """Ask for a job, once."""
    with bot.store.writing(bot.clock()) as unit:
        unit.enqueue(kind, key, args=args)


def press(bot: Bot, person: str, action: str, row: tables.Plan | tables.Dispute, value: str) -> None:
    """Slack delivers the press of the first life again; if that changed nothing, the person presses anew."""
    card = surface(bot, f"{type(row).__tablename__}:{row.id}")
    if card is None:
        return
    for at in ("1700000000.1", f"170000000{bot.life}.2"):
        version = bot.version_of(row)
        bot.press(person, action, value, card.channel, card.ts, at=at)
        if bot.version_of(row) != version:
            return


STORIES: Mapping[str, Callable[[Bot], bool]] = {
    "remedy": remedy,
    "restored": restored,
    "money": money,
    "folder": lake,
    "bucket": lake,
}

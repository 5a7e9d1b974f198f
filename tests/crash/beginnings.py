"""What each story begins with: rows, and files in the home beside them."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from actions.plan import PlanState
from actions.rollout import steps_of
from storage import jobs, plans, recovery
from storage.journal import RunJournal
from storage.locks import Hold
from storage.store import Store
from tests.actions.world import NOW
from tests.flows.world import BILL
from tests.storage.lake import bills
from tests.storage.rows import plan, target

#: A worker that died: what it held is taken over.
DEAD = Hold("worker-2", 1)


def remedy(store: Store, _home: Path) -> None:
    """A sweep that a dead worker had taken."""
    with store.writing(NOW) as unit:
        unit.enqueue("sweep", "first")
    assert jobs.take(store, DEAD, NOW) is not None


def money(_store: Store, home: Path) -> None:
    """A bill that nobody read yet."""
    bills.write(home / "in" / "bill.csv", bills.text(BILL))


def restated(store: Store, home: Path) -> None:
    """Two bills of the same month that nobody read yet, one of which takes the place of the other."""
    bills.write(home / "in" / "former.csv", bills.text(BILL[1:]))
    money(store, home)


def restored(store: Store, home: Path) -> None:
    """An old copy: a run with an intent, a plan that waits, a message; and the machine saw more than that."""
    first, second = (target(f"i-000{number}") for number in (0, 1))
    ends = {"created_at": NOW, "approve_by": NOW + timedelta(hours=4), "execute_by": NOW + timedelta(hours=6)}
    running = plan("plan-1", targets=(first,), **ends)
    store.hold = DEAD
    with store.writing(NOW) as unit:
        unit.record("plan.propose", actor="bursar", subject=running.id, after=running.content())
        unit.record("approval.approve", actor="U_OPS", subject=running.id, after={"state": "approved"})
        row = plans.save(unit, running)
        unit.move(row, PlanState.APPROVED)
        unit.move(row, PlanState.RUNNING, worker=DEAD.worker, epoch=DEAD.epoch)
        plans.add_steps(unit, steps_of(running))
        plans.save(unit, replace(running, id="plan-2", targets=(second,)))
        unit.send("post", "plan", "plan-2", channel="C_OPS", surface="plan:plan-2")
    book = RunJournal(store, running.id, card="plan:plan-1")
    book.intend(book.steps()[0], first.to_data(), now=NOW, send_by=NOW + timedelta(seconds=30))
    with store.reading() as session:
        recovery.remember(session, home, NOW)
    seen = json.loads((home / recovery.FILE).read_text(encoding="utf-8"))
    seen["head"] |= {"seq": 99, "hash": "f" * 64, "epoch": 7}
    (home / recovery.FILE).write_text(json.dumps(seen), encoding="utf-8")


BEGINNINGS: Mapping[str, Callable[[Store, Path], None]] = {
    "remedy": remedy,
    "money": money,
    "restored": restored,
    "folder": restated,
    "bucket": restated,
}

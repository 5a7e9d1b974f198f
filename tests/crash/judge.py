"""What has to hold of the world after any number of kills, in words where it does not."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from actions.plan import PlanState
from actions.step import StepState
from flows.recovery import VOID
from spend.money import total
from storage import audit, ledger, tables
from storage.outbox import SEEN_TWICE
from storage.work import JobState, MessageState
from tests.crash.harness import World
from tests.flows.world import BILL, ORG, WEEK
from tests.history import check

LIVE = frozenset({PlanState.PENDING, PlanState.APPROVED, PlanState.RUNNING})
#: What each action leaves a target in.
GOAL = {"aws.stop_instances": "stopped", "aws.start_instances": "running"}
#: A person is told to look: whatever state such a target is in, it is not lost.
LOOK = frozenset({StepState.NEEDS_HUMAN})


def wrongs(world: World) -> list[str]:
    """Everything that does not hold."""
    if not world.finished:
        return [f"it did not come to its end: {world.lives}"]
    entries = world.entries()
    return [
        *check(world.cloud.effects, entries, ORG.caps),
        *_chain(world),
        *lost(world),
        *_targets(world),
        *_messages(world, entries),
        *_books(world),
        *(f"an unforeseen error: {line}" for line in world.log.splitlines() if "Traceback" in line),
    ]


def _chain(world: World) -> Iterator[str]:
    with world.store.reading() as session:
        verdict = audit.verify(session)
    if verdict.broken is not None:
        yield f"the audit chain: {verdict.reason}"


def lost(world: World) -> Iterator[str]:
    """Nothing is lost: every job is done, every plan has ended, every message was taken or given up."""
    for job in world.rows(tables.Job):
        if job.state != JobState.DONE:
            yield f"the job {job.kind} is {job.state}: {job.error}"
    for plan in world.rows(tables.Plan):
        if plan.state in LIVE:
            yield f"{plan.id} is still {plan.state}"
    undos = [plan.undo_of for plan in world.rows(tables.Plan) if plan.undo_of]
    for plan in {key for key in undos if undos.count(key) > 1}:
        yield f"there are {undos.count(plan)} plans that take {plan} back"
    for message in world.rows(tables.Message):
        if message.state == MessageState.PENDING or (
            message.state == MessageState.DROPPED and message.kind in SEEN_TWICE and message.error != VOID
        ):
            yield f"the {message.kind} {message.template} is {message.state}: {message.error}"


def _targets(world: World) -> Iterator[str]:
    """Each target is as its last step says, or a row says that a person must look."""
    said: dict[str, str | None] = dict.fromkeys(world.cloud.states, "running")
    order = {plan.id: plan.created_at for plan in world.rows(tables.Plan)}
    for step in sorted(world.rows(tables.Step), key=lambda row: (order[row.plan], row.number)):
        if step.state in LOOK:
            said[step.target] = None
        elif step.state == StepState.DONE and said[step.target] is not None:
            said[step.target] = GOAL[step.action]
    for key, state in said.items():
        if state is not None and world.cloud.states[key] != state:
            yield f"{key} is {world.cloud.states[key]}, and the rows say {state}"


def _messages(world: World, entries: list[dict[str, Any]]) -> Iterator[str]:
    """Each message once; a second time only by a kill between Slack's answer and our commit, and recorded."""
    recorded = {entry["subject"] for entry in entries if entry["event"] == "message.maybe_twice"}
    spare = sum(bool(life.get("sending")) for life in world.lives)
    twice = {key: times for key, times in world.posted().items() if times > 1}
    if sum(times - 1 for times in twice.values()) > spare:
        yield f"messages were posted more than once: {twice}, and only {spare} kills could do that"
    if len(twice) > len(recorded):
        yield f"{len(twice)} messages were posted twice, and {len(recorded)} are recorded as such"


def _books(world: World) -> Iterator[str]:
    """The ledger is the bill to the cent, and each team has its digest once."""
    with world.store.reading() as session:
        standing = ledger.standing(session)
    for currency in {entry.currency for entry in standing}:
        booked = total(entry.effective for entry in standing if entry.currency == currency)
        billed = total(
            Decimal(row["EffectiveCost"]) for row in BILL if row.get("BillingCurrency", "USD") == currency
        )
        if booked != billed:
            yield f"the ledger has {booked} {currency}, the bill {billed}"
    told = [(row.team, row.week) for row in world.rows(tables.Digest)]
    if standing and sorted(told) != [("data", WEEK.start), ("web", WEEK.start)]:
        yield f"the digests are {told}"

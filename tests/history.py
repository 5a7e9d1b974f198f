"""Judges a history: what was done to the cloud beside what the audit log says, by rules that hold always."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import accumulate
from typing import Any

from actions.base import Target
from actions.blast import ALL, Caps, fleet_of
from actions.rollout import waves

#: What each action does to the cloud; tags and dry runs change nothing that a rule is about.
EFFECTS = {
    "aws.stop_instances": "StopInstances",
    "aws.start_instances": "StartInstances",
    "aws.snapshot_volume": "CreateSnapshot",
    "aws.delete_volume": "DeleteVolume",
    "aws.restore_volume": "CreateVolume",
    "aws.cap_lambda_concurrency": "PutFunctionConcurrency",
    "aws.restore_lambda_concurrency": "DeleteFunctionConcurrency",
}
#: How long after the kill switch a call that was under way may still arrive.
GRACE = timedelta(seconds=2)
#: What lets a plan run: people, a standing approval, or the approval of the run that it takes back.
APPROVALS = frozenset({"approval.approve", "approval.standing", "approval.auto_undo", "approval.exempt"})
Entry = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Effect:
    """One change that the cloud accepted.

    Attributes:
        seq: how long the audit log was when it arrived.
        at: when it arrived, where somebody looked at the same clock when each row was `kept`.
    """

    seq: int
    operation: str
    resource: str
    at: datetime | None = None


def check(effects: Sequence[Effect], entries: Iterable[Entry], caps: Caps) -> list[str]:
    """Every rule that this history breaks, in words; empty when all hold.

    Args:
        entries: the audit log; `kept` is when a row was there for all to see, by the clock of the effects.
        caps: what a day may change at most.
    """
    book = _Book(list(entries))
    return [
        *book.unapproved(),
        *(wrong for effect in effects for wrong in book.judge(effect)),
        *book.repeated(),
        *book.spared(),
        *book.in_an_incident(),
        *book.held(),
        *book.over(caps),
    ]


class _Book:
    """The audit log, by what the rules ask of it."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.entries = sorted(entries, key=lambda entry: entry["seq"])
        self.intents = [entry for entry in self.entries if entry["event"] == "step.intent"]
        self.proposed = {one["subject"]: one["after"] or {} for one in self.of("plan.propose")}
        self.begun = {one["subject"]: one for one in self.of("run.begin")}
        self.done: dict[str, list[Effect]] = {}

    def of(self, *events: str) -> Iterator[Entry]:
        return (entry for entry in self.entries if entry["event"] in events)

    def unapproved(self) -> Iterator[str]:
        """Approval before intent."""
        let: dict[str, int] = {}
        for entry in self.of(*APPROVALS):
            if entry["event"] != "approval.approve" or entry["after"].get("state") == "approved":
                let.setdefault(entry["subject"], entry["seq"])
        for intent in self.intents:
            if let.get(intent["subject"], intent["seq"]) >= intent["seq"]:
                yield f"{intent['after']['step']} was intended (row {intent['seq']}) before any approval"

    def judge(self, effect: Effect) -> Iterator[str]:
        """Intent before effect; nothing outside the plan; nothing after the kill switch."""
        what = f"{effect.operation} on {effect.resource} (after row {effect.seq})"
        before = [
            one
            for one in self.intents
            if one["seq"] <= effect.seq
            and effect.resource in {one["after"]["target"], called(one["after"]["target"])}
            and EFFECTS.get(one["after"]["action"]) == effect.operation
        ]
        if not before:
            yield f"{what} had no intent"
            return
        intent = before[-1]
        self.done.setdefault(intent["after"]["step"], []).append(effect)
        if effect.resource not in self.targets(intent["subject"]):
            yield f"{what} is outside {intent['subject']}"
        if (thrown := self.thrown(effect.seq)) and not _under_way(intent, effect, thrown):
            yield f"{what} came after the kill switch (row {thrown['seq']})"

    def targets(self, plan: str) -> set[str]:
        """What was approved: the targets that were proposed, or that the run of an undo began with."""
        begun = self.begun[plan]["after"]["targets"] if plan in self.begun else ()
        known = {*(one["id"] for one in self.proposed.get(plan, {}).get("targets", ())), *begun}
        return known | {called(one) for one in known}

    def thrown(self, seq: int) -> Entry | None:
        """The throw of the kill switch that holds at this row, if it is on."""
        last = [
            one
            for one in self.of("switch.on", "switch.off")
            if one["seq"] <= seq and one["subject"] == "kill"
        ]
        return last[-1] if last and last[-1]["event"] == "switch.on" else None

    def repeated(self) -> Iterator[str]:
        """At most one effect for each step."""
        for step, effects in self.done.items():
            if len(effects) > 1:
                yield f"{step} had {len(effects)} effects on {effects[0].resource}"

    def spared(self) -> Iterator[str]:
        """What the log says was left alone was left alone."""
        for entry in self.of("step.skip"):
            if entry["after"]["step"] in self.done:
                yield f"{entry['after']['step']} had an effect, and was left alone (row {entry['seq']})"

    def in_an_incident(self) -> Iterator[str]:
        """No wave begins while an incident is open; one that began before may end, and an undo may begin."""
        opened: dict[str, datetime] = {}
        begun: set[tuple[str, int]] = set()
        for entry in self.of("incident.open", "incident.close", "step.intent", "step.skip", "step.done"):
            event, subject = entry["event"], entry["subject"]
            if event == "incident.open":
                opened[subject] = entry["at"]
            elif event == "incident.close":
                opened.pop(subject, None)
            elif not self.proposed.get(subject, {}).get("undo_of"):
                wave = self.wave(entry)
                late = entry["at"] - min(opened.values(), default=entry["at"]) > GRACE
                if event == "step.intent" and late and (subject, wave) not in begun:
                    yield f"wave {wave} of {subject} began (row {entry['seq']}) while an incident was open"
                begun.add((subject, wave))

    def wave(self, entry: Entry) -> int:
        """The wave of a step's target, by the order in which the plan has them."""
        about = self.proposed.get(entry["subject"], {})
        order = [one["id"] for one in about.get("targets", ())]
        target = (entry["after"] or {}).get("target")
        place = order.index(target) if target in order else 0
        sizes = waves(len(order), about.get("rollout", {}).get("canary", 1))
        return next((wave for wave, end in enumerate(accumulate(sizes)) if place < end), 0)

    def held(self) -> Iterator[str]:
        """Nothing is called between the word that a run is held and the word that it goes on."""
        waits: dict[str, int] = {}
        for entry in self.of("run.wait", "run.resume", "step.intent"):
            if entry["event"] == "run.wait":
                waits[entry["subject"]] = entry["seq"]
            elif entry["event"] == "run.resume":
                waits.pop(entry["subject"], None)
            elif entry["subject"] in waits:
                yield f"{entry['after']['step']} was intended (row {entry['seq']}) while its run was held"

    def over(self, caps: Caps) -> Iterator[str]:
        """No day changes more than it may; what takes a change back gives room and takes none.

        All that a run changes is taken from the day on which it began, even past midnight.
        """
        days: dict[date, set[tuple[str, str]]] = {}
        for intent in self.intents:
            plan = intent["subject"]
            if intent["after"]["step"] in self.done and not self.proposed.get(plan, {}).get("undo_of"):
                day = caps.day(self.begun.get(plan, intent)["at"])
                days.setdefault(day, set()).add((plan, intent["after"]["target"]))
        for day, changed in days.items():
            yield from (f"{wrong} on {day}" for wrong in self.over_in_a_day(changed, caps))

    def over_in_a_day(self, changed: set[tuple[str, str]], caps: Caps) -> Iterator[str]:
        if len(changed) > caps.targets_per_day:
            yield f"{len(changed)} targets were changed, {caps.targets_per_day} may be"
        known = [
            Target.from_data(one)
            for plan, about in self.proposed.items()
            for one in about.get("targets", ())
            if (plan, one["id"]) in changed
        ]
        if (spent := sum(_worth(target, caps) for target in known)) > caps.amount_per_day:
            yield f"{spent} {caps.currency} a month were changed, {caps.amount_per_day} may be"
        if caps.percent_of_fleet == ALL:
            return
        for fleet, many in Counter(map(fleet_of, known)).items():
            size = max(self.proposed.get(plan, {}).get("fleets", {}).get(fleet, 0) for plan, _ in changed)
            if many > max(1, size * caps.percent_of_fleet // 100):
                yield f"{many} of the {size} in {fleet} were changed, {caps.percent_of_fleet} % may be"


def called(target: str) -> str:
    """What a call names a target by: a function's name, the last part of its ARN."""
    return target.rsplit(":", 1)[-1]


def _worth(target: Target, caps: Caps) -> Decimal:
    if not target.monthly_cost:
        return Decimal()
    rate = Decimal(1) if target.currency == caps.currency else caps.equivalents[target.currency]
    return target.monthly_cost * rate


def _under_way(intent: Entry, effect: Effect, thrown: Entry) -> bool:
    """Whether the call was on its way when the switch was thrown."""
    in_time = effect.at is None or effect.at <= thrown.get("kept", thrown["at"]) + GRACE
    return bool(intent["seq"] < thrown["seq"] and in_time)

"""The fifth scene: what the sweep found, who may say yes, what is done, and how it is taken back."""

import re

from actions.base import RUN_TAG
from actions.plan import PlanState
from actions.step import StepState
from storage import tables
from tests.story.company import ADA, BEN, CARO, DEV, ONCALL, OTTO, SEARCH
from tests.story.driver import Said, until
from tests.story.told import Story

APPROVE, UNDO = "approval.approve", "approval.undo"
NOT_YOU = "Only the approvers named on the card may decide this plan"
FUNCTION, CAP = "search-indexer", 5
#: A run of seven targets in three waves, with a pause between them.
RUN_SECONDS = 90.0


def card(story: Story, title: str) -> Said:
    """The card of a plan in the on-call channel."""
    return story.only(ONCALL, title)


def plan_id(said: Said) -> str:
    """The plan that a card is about."""
    found = re.search(r"plan-[a-z0-9]+", said.words)
    assert found, said.words
    return found[0]


def proposed(story: Story) -> None:
    """The sweep found exactly what is idle or orphaned, and asks for what it wants to do."""
    world, books = story.stage.world, story.books
    for title, expected in (
        ("Stop idle development instances", world.expected_idle),
        ("Snapshot and delete unattached volumes", world.expected_orphans),
    ):
        said = card(story, title)
        plan = books.plan(plan_id(said))
        assert {target.name for target in plan.targets} == expected
        assert not {target.name for target in plan.targets} & world.near_misses
        assert plan.requested_by == "bursar"
        for name in expected:
            assert name in said.words
        for phrase in ("Saves about", "Every day of waiting costs", "Undo:", "May approve:", "Answer by:"):
            assert phrase in said.words
        for person in (CARO, DEV):
            assert f"<@{person}>" in said.words


def asked_for(story: Story) -> None:
    """A plan that a person asked for: neither that person nor an outsider may approve it."""
    notice = story.only(SEARCH, "in 24 hours, without a cap")
    assert FUNCTION in notice.words
    story.refused(OTTO, notice, notice.button("finding.act"), "Only the owners of this charge answer for it")
    story.slack.press(BEN, notice, notice.button("finding.act"))
    said = card(story, "Cap a runaway function")
    story.reads(notice, "A remediation is proposed")
    assert f"<@{BEN}>" in said.words
    approve = said.button(APPROVE)
    story.refused(BEN, said, approve, "You asked for this plan, so somebody else has to approve it.")
    story.refused(OTTO, said, approve, NOT_YOU)
    assert story.cloud.reserved(FUNCTION) is None
    story.slack.press(CARO, said, approve)
    done = _ended(story, said, "*Done.*")
    assert story.cloud.reserved(FUNCTION) == CAP
    story.reads(notice, "Settled")
    story.refused(DEV, said, approve, "This plan is already succeeded")
    story.slack.press(DEV, done, done.button(UNDO))
    _undone(story, done, "*Done.*")
    assert story.cloud.reserved(FUNCTION) is None


def _ended(story: Story, said: Said, phrase: str) -> Said:
    until(lambda: phrase in story.again(said).words, f"{phrase!r} on {said.words}", RUN_SECONDS)
    return story.again(said)


def _undone(story: Story, done: Said, phrase: str) -> Said:
    """The card of the undo, in the thread of the run's own card, once it has ended."""
    until(lambda: not story.again(done).offers(UNDO), "a card without Undo")
    return _ended(story, story.thread(done, "undo of an earlier run"), phrase)


def stopped(story: Story) -> str:
    """Stop the idle instances: a canary, then waves; a failure ends it at once. The plan's id."""
    said = card(story, "Stop idle development instances")
    key = plan_id(said)
    for outsider in (OTTO, ADA):
        story.refused(outsider, said, said.button(APPROVE), NOT_YOU)
    story.slack.press(CARO, said, said.button(APPROVE))
    names = [target.name for target in story.books.plan(key).targets]
    failing = story.stage.world.failing_target
    if failing is None:
        done = _ended(story, said, "*Done.*")
        changed = names
    else:
        done = _ended(story, said, "Stopped after a failure; nothing further was called.")
        assert f"✗ *{failing}* failed" in done.words
        changed = names[: names.index(failing)]
        assert 1 < len(changed) < len(names) - 1
    _in_waves(story, key, done)
    for name in names:
        state, tags = story.cloud.instance(name)
        assert state == ("stopped" if name in changed else "running"), name
        if name != failing:
            assert tags.get(RUN_TAG) == (key if name in changed else None)
    assert story.books.plan(key).state is (PlanState.FAILED if failing else PlanState.SUCCEEDED)
    _restored(story, done, changed)
    return key


def _in_waves(story: Story, key: str, done: Said) -> None:
    """The steps were cut into 1, 2, 4; none was called after a failure; the card told of it meanwhile."""
    steps = story.books.steps(key)
    assert [sum(step.wave == wave for step in steps) for wave in (0, 1, 2)] == [1, 2, 4]
    states = [step.state for step in steps]
    if story.stage.world.failing_target:
        after = states[states.index(StepState.FAILED) + 1 :]
        assert after
        assert set(after) == {StepState.NEW}
    else:
        assert set(states) == {StepState.DONE}
    assert any("*Running.*" in words and "wave" in words for words in story.slack.past(done))


def _restored(story: Story, done: Said, changed: list[str]) -> None:
    """Undo starts them again; what somebody started by hand meanwhile is left alone and reported."""
    by_hand = changed[1]
    story.cloud.start(by_hand)
    story.refused(OTTO, done, done.button(UNDO), "Only the approvers named on the card may undo this run")
    story.slack.press(DEV, done, done.button(UNDO))
    undone = _undone(story, done, "*Done.*")
    assert f"*{by_hand}* done: it was so already, so nothing was called" in undone.words
    assert undone.words.count("nothing was called") == 1
    for name in changed:
        state, tags = story.cloud.instance(name)
        assert state == "running", name
        assert (tags.get(RUN_TAG) == plan_id(done)) == (name == by_hand)
    undo = story.books.plan(plan_id(undone))
    assert undo.undo_of == plan_id(done)
    assert {target.name for target in undo.targets} == set(changed)


def deleted(story: Story) -> None:
    """Deleting takes two people and a completed snapshot of each volume first."""
    said = card(story, "Snapshot and delete unattached volumes")
    names = sorted(story.stage.world.expected_orphans)
    _agree(story, CARO, said)
    said = story.reads(said, "1 of 2")
    story.refused(CARO, said, said.button(APPROVE), "Your approval is already counted")
    assert all(story.cloud.has_volume(name) for name in names)
    _agree(story, DEV, said)
    done = _ended(story, said, "*Done.*")
    key = plan_id(done)
    for name in names:
        assert not story.cloud.has_volume(name)
        ((state, tags),) = story.cloud.snapshots(name)
        assert (state, tags[RUN_TAG]) == ("completed", key)
    assert story.cloud.has_volume("search-lab-legal-hold")
    assert story.cloud.has_volume("checkout-dev-import")
    _snapshot_first(story, key)


def _agree(story: Story, person: str, said: Said) -> None:
    """Approve a deletion: its modal asks for a reason, and takes none that is empty."""
    story.slack.press(person, said, said.button(APPROVE))
    story.modal(person, "Snapshot and delete unattached volumes")
    assert story.slack.submit(person, {"Why is it right?": " "})
    assert not story.slack.submit(person, {"Why is it right?": "nobody has read them for a month"})


def _snapshot_first(story: Story, key: str) -> None:
    """In the log, each deletion is intended only after the same volume's snapshot was done."""
    rows = [row for row in story.books.all_of(tables.Audit) if row.subject == key]
    steps = [row for row in rows if row.event.startswith("step.")]
    told = [(row.event, row.after["target"], row.after["action"]) for row in steps]
    for target in {target for _, target, _ in told}:
        snapshot = told.index(("step.done", target, "aws.snapshot_volume"))
        assert snapshot < told.index(("step.intent", target, "aws.delete_volume"))

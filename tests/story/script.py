"""The story that must work, from the bill to the audit log, as people live it."""

from storage import tables
from tests.story import asking, money, remedies
from tests.story.company import CARO, DEV
from tests.story.told import Story

#: What the log tells of a run that ended well and was taken back, in this order.
CHAPTERS = ("plan.propose", "approval.approve", "run.begin", "step.intent", "run.finish", "plan.undo")


def play(story: Story) -> None:
    """All of it, in the order in which a Monday would bring it."""
    money.digests(story)
    money.anomaly(story)
    remedies.proposed(story)
    asking.commands(story)
    asking.homes(story)
    money.claim(story)
    money.disputes(story)
    remedies.asked_for(story)
    key = remedies.stopped(story)
    remedies.deleted(story)
    trail(story, key)


def trail(story: Story, key: str) -> None:
    """Scene 7: the audit log holds, tells the whole story of one remediation, and betrays an edited row."""
    holds = story.books.bursar("audit", "verify")
    assert holds.returncode == 0, holds.stderr
    assert "holds" in holds.stdout
    _whole(story, key)
    row = next(row.seq for row in story.books.all_of(tables.Audit) if row.event == "approval.approve")
    forged = story.books.forged(story.scratch / "forged", row)
    found = story.books.bursar("audit", "verify", home=forged)
    assert found.returncode == 1, found.stdout + found.stderr
    assert f"row {row} (approval.approve) was changed" in found.stdout


def _whole(story: Story, key: str) -> None:
    told = story.books.told("audit", "show", key)
    events = [entry["event"] for entry in told["entries"]]
    places = [events.index(chapter) for chapter in CHAPTERS]
    assert places == sorted(places)
    assert told["votes"] == [{**told["votes"][0], "person": CARO, "decision": "approve"}]
    assert len(told["steps"]) == len(story.stage.world.expected_idle)
    assert events.count("step.done") == len([step for step in told["steps"] if step["state"] == "done"])
    if story.stage.world.failing_target:
        assert events.count("step.fail") == 1
    (undo,) = told["undone_by"]
    back = story.books.told("audit", "show", undo)
    assert back["undo_of"] == key
    assert [vote["person"] for vote in back["votes"]] == [DEV]
    assert "approval.refuse" in {row.event for row in story.books.all_of(tables.Audit)}

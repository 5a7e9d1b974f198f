"""The sixth scene: `/bursar` in any channel, and the App Home."""

from tests.story.company import ADA, BEN, CARO, CHECKOUT, FINANCE, ONCALL, OTTO, SEARCH
from tests.story.driver import Said, until
from tests.story.told import Story

IDLE = "Stop idle development instances"


def commands(story: Story) -> None:
    """Each word is answered to the person who asked, wherever they are."""
    for person, channel, word, phrases in (
        (ADA, ONCALL, "spend", ("*Checkout*", "this month so far", "complete through")),
        (BEN, FINANCE, "findings", ("Open findings", "function without a concurrency cap", "Search")),
        (CARO, SEARCH, "approvals", (IDLE, "Snapshot and delete unattached volumes")),
        (ADA, CHECKOUT, "approvals", ("Nothing waits for you.",)),
        (OTTO, CHECKOUT, "spend", ("You own no team.",)),
        (OTTO, SEARCH, "help", ("/bursar spend", "/bursar approvals")),
    ):
        before = len(story.slack.whispers(person))
        story.slack.command(person, channel, word)
        until(lambda p=person, n=before: len(story.slack.whispers(p)) > n, f"an answer to {word}")  # type: ignore[misc]
        answer = story.slack.whispers(person)[-1]
        assert answer.channel == channel
        for phrase in phrases:
            assert phrase in answer.words
    assert not story.said(CHECKOUT, "You own no team.")


def homes(story: Story) -> None:
    """The App Home shows a person what concerns them, and nothing else."""
    assert "*Checkout*" in _home(story, ADA).words
    caro = _home(story, CARO)
    assert IDLE in caro.words
    assert caro.offers("approval.approve")
    otto = _home(story, OTTO)
    assert "You own no team." in otto.words
    assert not otto.buttons


def _home(story: Story, person: str) -> Said:
    story.slack.open_home(person)
    return until(lambda: story.slack.home(person), f"the App Home of {person}")

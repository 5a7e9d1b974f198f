"""The story's state, and the few looks that all its parts share."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from bot.demo import stage
from tests.story.books import Books
from tests.story.cloud import Cloud
from tests.story.company import CHANNELS, EVERYBODY
from tests.story.driver import Button, Driver, Said, until

_DOLLARS = re.compile(r"([+−]?)\$([0-9,]+(?:\.[0-9]{2})?)")


@dataclass
class Story:
    """Where the story is played: the stand-in for Slack, the cloud, the books, and the made world."""

    slack: Driver
    cloud: Cloud
    books: Books
    stage: stage.Stage
    scratch: Path
    left_out: list[str] = field(default_factory=list)

    def can(self, what: str) -> bool:
        """Whether the stand-in can do this; what it cannot is remembered as left out."""
        if what in self.slack.lacks:
            self.left_out.append(what)
        return what not in self.slack.lacks

    def said(self, channel: str, phrase: str) -> list[Said]:
        """The messages of a channel in which a phrase is read."""
        return [said for said in self.slack.messages(channel) if phrase in said.words]

    def only(self, channel: str, phrase: str) -> Said:
        """The one message with this phrase, awaited."""
        found = until(lambda: self.said(channel, phrase), f"{phrase!r} in {channel}")
        assert len(found) == 1, [said.words for said in found]
        return found[0]

    def again(self, said: Said) -> Said:
        """The same message as it reads now."""
        return next(one for one in self.slack.messages(said.channel) if one.ts == said.ts)

    def reads(self, said: Said, phrase: str) -> Said:
        """The same message, once it holds this phrase."""
        until(lambda: phrase in self.again(said).words, f"{phrase!r} instead of: {said.words}")
        return self.again(said)

    def thread(self, said: Said, phrase: str) -> Said:
        """The one reply to a message with this phrase, awaited."""

        def replies() -> list[Said]:
            found = self.said(said.channel, phrase)
            return [one for one in found if one.thread_ts == said.ts and one.ts != said.ts]

        return until(replies, f"{phrase!r} in the thread of: {said.words}")[0]

    def modal(self, person: str, phrase: str) -> Said:
        """The modal that this person has open, once it holds this phrase."""

        def look() -> Said | None:
            shown = self.slack.modal(person)
            return shown if shown and phrase in shown.words else None

        return until(look, f"a modal with {phrase!r} for {person}")

    def refused(self, person: str, said: Said, button: Button, sentence: str) -> None:
        """Press a button, and read a sentence that nobody else sees; the message stays as it was."""
        before, was = len(self.slack.whispers(person)), self.again(said).words
        others = self._told_to_others(person)
        self.slack.press(person, said, button)
        until(
            lambda: any(sentence in one.words for one in self.slack.whispers(person)[before:]),
            f"{sentence!r} for {person} alone",
        )
        assert not [one for other in CHANNELS for one in self.said(other, sentence)]
        assert self._told_to_others(person) == others
        assert self.again(said).words == was

    def _told_to_others(self, person: str) -> int:
        return sum(len(self.slack.whispers(other)) for other in EVERYBODY if other != person)


def dollars(text: str) -> list[Decimal]:
    """The amounts in a text, in order, with their signs."""
    return list(_amounts(text))


def _amounts(text: str) -> Iterator[Decimal]:
    for sign, digits in _DOLLARS.findall(text):
        amount = Decimal(digits.replace(",", ""))
        yield -amount if sign == "−" else amount

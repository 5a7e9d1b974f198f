"""One kill at each place that a story passes, on both kinds of database: every named point is passed."""

import random

import pytest

from tests.crash.conftest import Begin
from tests.crash.harness import Copies, Harness
from tests.crash.judge import lost, wrongs
from tests.crash.points import crashpoints
from tests.crash.stories import STORIES

KINDS = ("sqlite", "postgresql")
#: Long stories, in which the kind of database matters only where others pass, too.
ONCE = {"bucket": ("postgresql",), "folder": ("sqlite",)}
#: Pairs of kills in the long target for each kind of database: with the single ones, over 10,000 kills.
PAIRS = {"remedy": 2200, "restored": 300}
#: How many parts the pairs are cut into, so that processes can share them.
PARTS = 4
#: How many points a life after a kill passes at least.
LEAST = 5


def passed(crashing: Harness, copies: Copies, story: str) -> list[str]:
    """The points of a life that nobody kills, in order; the world after it is as it should be."""
    with crashing.trial(copies, story) as world:
        assert wrongs(world) == [], world.log
        return world.hits


def killed(crashing: Harness, copies: Copies, story: str, *kills: int) -> tuple[list[str], list[str]]:
    """What does not hold after these kills, each with what was killed; and the points of the last life."""
    with crashing.trial(copies, story, kills) as world:
        at = [life.get("killed") for life in world.lives]
        return [f"{story} killed at {kills} ({at}): {wrong}" for wrong in wrongs(world)], world.hits


class Round:
    """Kills at the first place of each point, on each kind of database in turn.

    Attributes:
        reached: the points so far.
        wrong: what did not hold after a kill.
    """

    def __init__(self, crashing: Harness, begin: Begin) -> None:
        self._crashing, self._begin = crashing, begin
        self.reached: set[str] = set()
        self.wrong: list[str] = []

    def story(self, story: str) -> None:
        """Visit what this story passes first, and what only the lives after those kills pass."""
        first = passed(self._crashing, self._begin("sqlite", story), story)
        for name in self._new(first):
            after = self._visit(story, name, first.index(name))
            for later in self._new([one for one in after if one not in first]):
                self._visit(story, later, first.index(name), after.index(later))

    def _new(self, hits: list[str]) -> list[str]:
        return [name for name in dict.fromkeys(hits) if name not in self.reached]

    def _visit(self, story: str, name: str, *kills: int) -> list[str]:
        copies = self._begin(KINDS[len(self.reached) % 2], story)
        found, after = killed(self._crashing, copies, story, *kills)
        self.reached.add(name)
        self.wrong += found
        return after


@pytest.mark.slow
@pytest.mark.case("T21", "T22")
def test_every_named_point_is_passed_by_a_story(crashing: Harness, begin: Begin) -> None:
    """A point that no story passes fails here."""
    visits = Round(crashing, begin)
    for story in STORIES:
        visits.story(story)
    print(f"{crashing.kills} kills at {len(visits.reached)} named points")
    assert visits.wrong == []
    assert {name: place for name, place in crashpoints().items() if name not in visits.reached} == {}


@pytest.mark.slow
@pytest.mark.crash
@pytest.mark.case("T21", "T22")
@pytest.mark.parametrize(
    ("story", "kind"), [(story, kind) for story in sorted(STORIES) for kind in ONCE.get(story, KINDS)]
)
def test_a_kill_at_every_place_leaves_the_world_right(
    crashing: Harness, begin: Begin, story: str, kind: str
) -> None:
    copies = begin(kind, story)
    hits = passed(crashing, copies, story)
    wrong = [one for at in range(len(hits)) for one in killed(crashing, copies, story, at)[0]]
    print(f"{crashing.kills} kills so far")
    assert wrong == []


@pytest.mark.slow
@pytest.mark.crash
@pytest.mark.case("T21", "T22")
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("story", sorted(PAIRS))
def test_a_second_kill_in_the_recovery_leaves_the_world_right(
    crashing: Harness, begin: Begin, story: str, kind: str, part: int
) -> None:
    copies = begin(kind, story)
    hits = passed(crashing, copies, story)
    dice = random.Random(part)
    wrong: list[str] = []
    for _ in range(PAIRS[story] // PARTS):
        first = dice.randrange(len(hits))
        second = dice.randrange(max(len(hits) - first, LEAST))
        wrong += killed(crashing, copies, story, first, second)[0]
    print(f"{crashing.kills} kills so far")
    assert wrong == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "point", "said"),
    [
        ("call-first", None, "had no intent"),
        ("repeat-blindly", "step.sent", "had 2 effects"),
        ("forget-the-end", None, "the job sweep is"),
    ],
)
def test_a_seeded_fault_is_found(
    crashing: Harness, begin: Begin, fault: str, point: str | None, said: str
) -> None:
    """So that the silence of this harness means something."""
    copies = begin("sqlite", "remedy")
    kills = [passed(crashing, copies, "remedy").index(point)] if point else []
    with crashing.trial(copies, "remedy", kills, fault=fault) as world:
        assert any(said in wrong for wrong in [*wrongs(world), *lost(world)])

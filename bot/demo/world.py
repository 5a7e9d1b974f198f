"""The demo's world: a company of two teams in three accounts, the same for the same seed and day."""

from dataclasses import dataclass
from datetime import date

from bot.demo.anomaly import Anomaly, Trouble, plant
from bot.demo.inventory import IDLE, NEAR_MISSES, ORPHANS, things
from bot.demo.meter import Meter
from bot.demo.thing import ACCOUNTS, PAYER, PAYER_NAME, REGION, TEAMS, Kind, Profile, Thing
from bot.demo.usage import of_things, of_use

__all__ = [
    "ACCOUNTS",
    "DAYS",
    "PAYER",
    "PAYER_NAME",
    "REGION",
    "TEAMS",
    "Anomaly",
    "Kind",
    "Meter",
    "Profile",
    "Thing",
    "Trouble",
    "World",
    "build",
]

#: The bill's length in days.
DAYS = 60


@dataclass(frozen=True, slots=True)
class World:
    """Everything the demo's cloud and bill are made from.

    Attributes:
        until: the last day of the bill.
        things: what the cloud holds on the day after.
        meters: the usage lines of the bill.
        anomaly: what was planted, or None for seed 0.
        expected_idle: names of the machines that a sweep for idle development machines must find.
        expected_orphans: names of the volumes that a sweep for unattached ones must find.
        near_misses: names of the machines that it must not find, though they look alike.
        failing_target: the idle machine whose stop the cloud refuses, or None.
    """

    seed: int
    until: date
    things: tuple[Thing, ...]
    meters: tuple[Meter, ...]
    anomaly: Anomaly | None
    expected_idle: frozenset[str]
    expected_orphans: frozenset[str]
    near_misses: frozenset[str]
    failing_target: str | None

    def thing(self, name: str) -> Thing:
        """The thing of this name."""
        return next(thing for thing in self.things if thing.name == name)


def build(seed: int, until: date) -> World:
    """Make the world of a seed whose bill ends with `until`. Seed 0 has no anomaly."""
    held = tuple(things(seed, until))
    meters = (*of_things(held), *of_use(held))
    anomaly: Anomaly | None = None
    if seed != 0:
        planted = plant(seed, until, meters)
        held, meters, anomaly = held + planted.things, planted.meters, planted.anomaly
    return World(
        seed=seed,
        until=until,
        things=held,
        meters=meters,
        anomaly=anomaly,
        expected_idle=frozenset(name for _, name, _, _ in IDLE),
        expected_orphans=frozenset(name for _, name, _, _, _ in ORPHANS),
        near_misses=frozenset(NEAR_MISSES),
        failing_target=next((thing.name for thing in held if thing.fails), None),
    )

"""A window of time that comes back: days of the week, from and to, in a named zone."""

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from spend.errors import Refused

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
#: The end of a window that lasts until midnight.
MIDNIGHT = "24:00"
_SPELT = re.compile(r"(?P<days>[a-z,-]+) (?P<start>[0-9:]{5})-(?P<end>[0-9:]{5}) (?P<zone>\S+)")
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")


@dataclass(frozen=True, slots=True)
class Window:
    """Days and hours in which something may happen. One that ends before it starts goes on past midnight,
    and belongs to the day on which it started.

    Attributes:
        start: local time, `HH:MM`; the window begins with it.
        end: local time, up to `24:00`; the window is over with it.
        zone: an IANA name: what "09:00" means follows its summer time.
    """

    days: tuple[str, ...]
    start: str
    end: str
    zone: str

    def covers(self, now: datetime) -> bool:
        """Whether this moment is in the window."""
        local = now.astimezone(ZoneInfo(self.zone))
        clock = f"{local:%H:%M}"
        today, yesterday = DAYS[local.weekday()], DAYS[local.weekday() - 1]
        if self.start < self.end:
            return today in self.days and self.start <= clock < self.end
        return (today in self.days and clock >= self.start) or (yesterday in self.days and clock < self.end)

    def __str__(self) -> str:
        return f"{_joined(self.days)} {self.start}-{self.end} {self.zone}"


def read(text: str) -> Window:
    """The window that a person wrote, such as `mon-fri 09:00-17:00 Europe/Berlin`.

    Raises:
        Refused: it is no window; the sentence says how one is written.
    """
    found = _SPELT.fullmatch(" ".join(text.split()))
    if found is None:
        raise Refused("Write the window as days, hours and zone, such as mon-fri 09:00-17:00 Europe/Berlin.")
    start, end = found["start"], found["end"]
    if not (_CLOCK.fullmatch(start) and (_CLOCK.fullmatch(end) or end == MIDNIGHT)) or start == end:
        raise Refused(f"{start}-{end} is no span of a day; write it such as 09:00-17:00 or 22:00-04:00.")
    try:
        ZoneInfo(found["zone"])
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Refused(
            f"There is no time zone {found['zone']}; write an IANA name such as Europe/Berlin."
        ) from None
    return Window(_days(found["days"]), start, end, found["zone"])


def _days(text: str) -> tuple[str, ...]:
    """`mon-fri` and `mon,wed` and both together, in the order of the week."""
    wanted: set[str] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        if first not in DAYS or (last or first) not in DAYS:
            raise Refused(f"{part} names no days; write them such as mon-fri or sat,sun.")
        span = (DAYS.index(last or first) - DAYS.index(first)) % len(DAYS)
        wanted |= {DAYS[(DAYS.index(first) + step) % len(DAYS)] for step in range(span + 1)}
    return tuple(day for day in DAYS if day in wanted)


def _joined(days: tuple[str, ...]) -> str:
    first = DAYS.index(days[0])
    run = DAYS[first : first + len(days)]
    return f"{days[0]}-{days[-1]}" if days == run and len(days) > 2 else ",".join(days)  # noqa: PLR2004 - mon,tue


def midnight_after(now: datetime, zone: str) -> datetime:
    """When the local day of this moment is over."""
    return end_of(now.astimezone(ZoneInfo(zone)).date(), zone)


def end_of(day: date, zone: str) -> datetime:
    """The midnight with which a local day is over."""
    return datetime.combine(day + timedelta(days=1), time(), ZoneInfo(zone))

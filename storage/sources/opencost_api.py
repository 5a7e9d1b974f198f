"""Asks OpenCost or Kubecost for the allocations and assets of each day: files of the dialect `opencost`."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from urllib.parse import urlencode, urlsplit

from actions.errors import Unreadable
from actions.readers.asking import Address, answered
from spend.period import DAY, Period, month_of
from storage.sources.allocations import LARGEST, Entry, NoAnswer, answer, window_of
from storage.sources.problems import refusal
from storage.sources.remote import Asked

SCHEME = "opencost+"
#: Days of a month on which the month before is asked for too: the prices of its last days come late.
AFTERWARDS = 5
#: Seconds for the answer of one day.
WITHIN = 120.0
QUERIES = {
    "allocation": {
        # What tells one container from all others; what else the dialect keeps hangs on it.
        "aggregate": "cluster,node,namespace,pod,container",
        "step": "1d",
        "includeIdle": "true",
        "shareIdle": "false",
        "accumulate": "false",
    },
    "assets": {"accumulate": "false"},
}
OK, NOT_FOUND = 200, 404


def fetch(asked: Asked) -> None:
    """Fetch each complete day (UTC) of the open month and, in its first days, of the month before.

    A delivery is complete for its month, so that it begins with the month's first day. The days are asked
    for one by one. Where the API has no assets, there is nothing to hold the allocations against.

    Raises:
        BillRefused: the API cannot be asked, refuses, does not answer whole, or knows nothing.
    """
    source = _address(asked)
    days = [day for period in periods(asked.now) for day in period.days()]
    empty = True
    for number, day in enumerate(days):
        asked.progress(number, len(days), f"asking for {day}")
        for what in QUERIES:
            if found := _known(asked, source, what, day):
                empty = empty and what == "assets"
                text = json.dumps({"code": OK, "data": [{one["name"]: one} for one in found]})
                (asked.into / f"{what}-{day}.json").write_text(text, encoding="utf-8")
    if empty:
        reason = f"it knows no allocation from {days[0]} to {days[-1]}; see that it watches the cluster"
        raise refusal(asked.place, "no_allocations", reason)


def periods(now: datetime) -> Iterator[Period]:
    """The days that are asked for, month by month."""
    today = now.astimezone(UTC).date()
    first = month_of(today).start
    if today.day <= AFTERWARDS:
        yield month_of(first - DAY)
    if today > first:
        yield Period(first, today)


def _address(asked: Asked) -> Address:
    """Where the API is: OpenCost's at the root of a host, Kubecost's below `/model`, as the address says.

    A token is shown over https only.
    """
    parts = urlsplit(asked.place.removeprefix(SCHEME))
    if not parts.hostname or parts.username is not None or parts.query or parts.fragment:
        reason = "such an address is opencost+https://HOST:PORT/PATH; a token comes from the environment"
        raise refusal(asked.place.rpartition("@")[2], "address", reason)
    base = parts.path.rstrip("/").removesuffix("/allocation")
    token = asked.access.token if parts.scheme == "https" else None
    return Address(f"{parts.scheme}://{parts.netloc}{base}", token, WITHIN, LARGEST)


def _known(asked: Asked, source: Address, what: str, day: date) -> list[Entry]:
    """What is known of a day; it is empty before there was a cluster."""
    start, end = (datetime.combine(one, time(0), UTC) for one in (day, day + DAY))
    window = ",".join(f"{moment:%Y-%m-%dT%H:%M:%SZ}" for moment in (start, end))
    path = f"{urlsplit(source.url).path}/{what}?{urlencode({'window': window, **QUERIES[what]})}"
    shown = f"{asked.place.rstrip('/')}: {what} of {day}"
    try:
        status, body = answered(source, path)
        if what == "assets" and status == NOT_FOUND:
            return []
        found = answer(body.decode())
    except Unreadable as error:
        raise refusal(shown, "unreachable", f"{error}; try again when it answers") from error
    except (NoAnswer, UnicodeDecodeError) as error:
        raise refusal(shown, "json", str(error) if status == OK else f"status {status}: {error}") from error
    for one in found:
        if not _is(start, began := window_of(one)[1]):
            reason = f"it answers for a day that begins at “{began[:40]}”; have it count in UTC"
            raise refusal(shown, "window", reason)
    return found


def _is(moment: datetime, text: str) -> bool:
    try:
        return datetime.fromisoformat(text) == moment
    except ValueError:
        return False

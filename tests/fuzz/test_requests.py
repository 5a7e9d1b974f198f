"""Hostile requests against the real talker over HTTP: no traceback to the sender, no effect, bounded RAM."""

import http.client
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlencode

import pytest
from sqlalchemy import select

from storage import audit, tables
from storage.store import Store
from tests.bot.listeners.conftest import fill
from tests.bot.listeners.talking import clock, listened
from tests.bot.slack import TEAM, Slack, signed
from tests.bot.test_processes import Process, ask, bursar, free_port
from tests.bot.world import desk_on, until
from tests.databases import Database
from tests.fuzz.mutate import DEEP, garbled, leaf, mutated

SETTINGS = """\
mode: act
teams:
  checkout: { channel: C_CHECKOUT, owners: [U_ANN] }
  search: { channel: C_SEARCH, owners: [U_SAM] }
finance: { channel: C_FINANCE, people: [U_FIN] }
oncall: { channel: C_ONCALL }
approvers: { platform-oncall: [U_OPS, U_TWO] }
accounts:
  - { id: "111111111111", act: true }
"""
#: What no request of a stranger may change; messages and refusals are how they are told no.
EFFECTS = (
    tables.Plan, tables.Vote, tables.Step, tables.Reservation, tables.Standing, tables.StandingVote,
    tables.Keep, tables.Warned, tables.Entry, tables.Ownership, tables.Dispute, tables.Finding, tables.Switch,
    tables.Incident, tables.Recovery, tables.Snapshot, tables.Digest,
)  # fmt: skip
#: What the log may say of strangers.
TOLD = ("refuse", "strangers", "view")
FORM, JSON = "application/x-www-form-urlencoded", "application/json"
MIB_MOST, THREADS = 512, 4


@dataclass(frozen=True)
class Sent:
    """One request, as it goes out."""

    body: bytes
    headers: Mapping[str, str]


class Sender:
    """Makes requests from a seed: most are signed and nearly right, the rest is not signed, or is noise."""

    def __init__(self, seed: int, actions: list[str], shown: str) -> None:
        self._chance, self._actions, self._shown, self._before = Random(seed), actions, shown, [Sent(b"", {})]

    def request(self) -> Sent:
        """The next one."""
        match self._chance.random():
            case share if share < 0.1:
                return self._chance.choice(self._before)
            case share if share < 0.25:
                found = self._stranger()
            case _:
                found = self._signed(*self._body())
        self._before = [*self._before[-50:], found]
        return found

    def _signed(self, text: str, kind: str) -> Sent:
        text = text.encode("utf-8", "replace").decode()
        return Sent(text.encode(), {**signed(text, clock()), "content-type": kind})

    def _stranger(self) -> Sent:
        """A request that an approver might have made, but that Slack did not sign now."""
        body = _payload(self._click("U_OPS", "approval.approve", self._shown))
        good = signed(body, clock())
        late = signed(body, clock() - timedelta(seconds=self._chance.choice([301, 3600, 10**8])))
        broken = {name: garbled(self._chance, value) for name, value in good.items()}
        bad = self._chance.choice([{}, late, signed(body, clock(), "guessed"), broken])
        return Sent(body.encode(), {name: _header(value) for name, value in bad.items()})

    def _body(self) -> tuple[str, str]:
        chance = self._chance
        whole = chance.choice([self._clicked, self._submitted, self._shortcut, self._event, self._command])()
        if "command" in whole:
            return urlencode(
                {key: str(value) for key, value in mutated(chance, whole).items()}, errors="replace"
            ), FORM
        if chance.random() < 0.8:
            whole = mutated(chance, whole)
        text = json.dumps(whole)
        if chance.random() < 0.15:
            text = chance.choice(
                [garbled(chance, text), DEEP, "9" * 5000, text[: chance.randrange(len(text))]]
            )
        if whole and isinstance(whole, dict) and whole.get("type") == "event_callback":
            return text, JSON
        return (
            (urlencode({"payload": text}, errors="replace"), FORM) if chance.random() < 0.95 else (text, JSON)
        )

    def _click(self, person: str, action: str, value: Any) -> dict[str, Any]:
        return {
            "type": "block_actions",
            "team": {"id": TEAM},
            "user": {"id": person, "team_id": TEAM},
            "channel": {"id": "C_ONCALL"},
            "container": {"type": "message", "channel_id": "C_ONCALL", "message_ts": "1.1"},
            "trigger_id": f"{self._chance.random()}",
            "actions": [{"action_id": action, "value": value, "action_ts": f"{self._chance.random()}"}],
        }

    def _pointer(self) -> Any:
        known = [self._shown, "plan-two:0", "digest-1:0", "digest-1:999999", "finding-1", "dispute-1"]
        return self._chance.choice([*known, leaf(self._chance)])

    def _clicked(self) -> dict[str, Any]:
        return self._click("U_EVE", self._chance.choice(self._actions), self._pointer())

    def _submitted(self) -> dict[str, Any]:
        filled = {name: {"answer": {"value": leaf(self._chance)}} for name in ("reason", "share", "charge")}
        view = {
            "id": "V1",
            "type": "modal",
            "callback_id": self._chance.choice(
                ["deny.submit", "split.submit", "claim.submit", "dispute.pick"]
            ),
            "private_metadata": self._pointer(),
            "state": {"values": filled},
            "blocks": [{"type": "input", "block_id": "reason"}],
        }
        return {**self._click("U_EVE", "", ""), "type": "view_submission", "actions": None, "view": view}

    def _shortcut(self) -> dict[str, Any]:
        more = {
            "type": "message_action",
            "callback_id": "dispute_message",
            "message": {"ts": "1700000000.000009"},
        }
        return {**self._click("U_EVE", "", ""), "actions": None, "channel": {"id": "C_CHECKOUT"}, **more}

    def _event(self) -> dict[str, Any]:
        event = {"type": "app_home_opened", "user": "U_EVE", "tab": "home"}
        return {
            "type": "event_callback",
            "team_id": TEAM,
            "event_id": f"Ev{self._chance.random()}",
            "event": event,
        }

    def _command(self) -> dict[str, Any]:
        told = {"command": "/bursar", "text": leaf(self._chance), "user_id": "U_EVE", "team_id": TEAM}
        return {**told, "trigger_id": f"{self._chance.random()}", "channel_id": "C_X"}


def _payload(whole: Any) -> str:
    return urlencode({"payload": json.dumps(whole)})


def _header(value: str) -> str:
    """What an HTTP client is able to send; the rest is noise of another kind."""
    return value.replace("\r", "").replace("\n", "").encode("latin-1", "replace").decode("latin-1")


def send(port: int, requests: list[Sent]) -> Counter[int]:
    """Send them over one connection, and count the answers."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    found: Counter[int] = Counter()
    for one in requests:
        try:
            line.request("POST", "/slack/events", one.body, dict(one.headers))
            answer = line.getresponse()
        except (http.client.RemoteDisconnected, ConnectionError):
            line.close()  # kept open too long: a new one
            line.request("POST", "/slack/events", one.body, dict(one.headers))
            answer = line.getresponse()
        text = answer.read().decode()
        assert "Traceback" not in text, text
        assert 'File "' not in text, text
        found[answer.status] += 1
    line.close()
    return found


def rows(store: Store) -> dict[str, list[Any]]:
    """Every row that a request of a stranger may not change."""
    with store.reading() as session:
        return {
            table.__tablename__: sorted(
                str(row.model_dump()) for row in session.execute(select(table)).scalars()
            )
            for table in EFFECTS
        }


def peak(process: Process) -> float:
    """The most memory that a process ever held, in MiB."""
    lines = Path(f"/proc/{process.process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


@pytest.fixture
def filled(sqlite: Database) -> Iterator[Store]:
    store = sqlite.store()
    fill(store)
    yield store
    store.close()


@pytest.mark.case("V2.2.1", "V15.3.5", "V16.5.1", "V16.5.4")
@pytest.mark.parametrize(
    "count", [500, pytest.param(20_000, marks=[pytest.mark.slow, pytest.mark.fuzz])], ids="{} requests".format
)
def test_hostile_requests_change_nothing_and_get_no_traceback(
    count: int, filled: Store, sqlite: Database, slack: Slack, tmp_path: Path
) -> None:
    with filled.reading() as session:
        card = session.get(tables.Plan, "plan-abc")
    assert card is not None
    shown = f"plan-abc:{card.hash[:16]}"
    actions = sorted(listened(desk_on(filled, tmp_path))["action"])
    makers = [Sender(seed, actions, shown) for seed in range(THREADS)]
    before, port = rows(filled), free_port()
    settings = tmp_path / "bursar.yaml"
    settings.write_text(SETTINGS)
    where = ("talk", "--http", f"127.0.0.1:{port}")
    with bursar(tmp_path, sqlite, slack, *where, BURSAR_CONFIG=str(settings)) as talker:
        until(lambda: ask(port, "/readyz") == 200, 30)
        found: Counter[int] = Counter()
        with ThreadPoolExecutor(THREADS) as pool:
            for _ in range(0, count, 500):  # made and sent in portions: a signature is good for five minutes
                portions = [[maker.request() for _ in range(500 // THREADS)] for maker in makers]
                found += sum(pool.map(send, [port] * THREADS, portions), Counter())
        assert peak(talker) < MIB_MOST
        talker.stop()
        assert "Traceback" not in talker.log, talker.log
    assert sum(found.values()) == count
    assert set(found) <= {200, 400, 401, 404}, found
    assert min(found[status] for status in (200, 400, 401)) > count // 20, found
    assert rows(filled) == before
    with filled.reading() as session:
        events = {row["event"].partition(".")[2] for row in audit.rows(session)}
        assert audit.verify(session).broken is None
    assert events <= set(TOLD)

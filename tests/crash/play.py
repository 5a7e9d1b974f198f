"""What one process of a story does: the real worker's parts and the real Slack app, one after the other."""

import base64
import json
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from pydantic import SecretStr
from slack_bolt import App, BoltRequest

from actions.clouds import AccountAccess, AwsClouds
from bot import sender
from bot.clock import Ticker
from bot.jobs import HANDLERS
from bot.listeners import register
from bot.settings import Secrets
from bot.talker import build_app
from bot.worker import Work, Worker, locks_of
from flows import overdue, recovery, runs
from flows.desk import Desk
from storage import checkpoints, tables, waiting
from storage.lake import Lake
from storage.store import Store
from tests.actions.world import ACCOUNT
from tests.bot.slack import SIGNING, TEAM, signed
from tests.bot.world import TurnedClock, acted_on
from tests.flows.world import ORG, RUNBOOKS
from tests.storage.lake.lakes import lake_in

#: Signs the checkpoints of all stories.
KEY = base64.b64encode(bytes(32)).decode()
#: More rounds than any story takes; one that needs them all hangs.
MOST_ROUNDS = 60
#: What a round without any news lets pass: warnings, pauses and retries come to their end.
QUIET = timedelta(minutes=7)


class Meter:
    """A CloudWatch that shows everything idle."""

    def get_paginator(self, _operation: str) -> "Meter":
        return self

    def paginate(self, **request: Any) -> list[dict[str, Any]]:
        start, end = request["StartTime"], request["EndTime"]
        days = [start + timedelta(days=number) for number in range((end - start).days)]
        return [{"MetricDataResults": [self._figure(query, days) for query in request["MetricDataQueries"]]}]

    @staticmethod
    def _figure(query: dict[str, Any], days: list[datetime]) -> dict[str, Any]:
        return {"Id": query["Id"], "StatusCode": "Complete", "Timestamps": days, "Values": [1.0] * len(days)}


class Clouds(AwsClouds):
    """The accounts of the story: EC2 by HTTP, and a meter."""

    def client(
        self, account: str, service: str, region: str = "eu-central-1", *, mutating: bool = False
    ) -> Any:
        if service == "cloudwatch":
            return Meter()
        return super().client(account, service, region, mutating=mutating)

    def hang_up(self) -> None:
        """Close the lines; a fork must not talk on one of its parent's."""
        for client in self._clients.values():
            client.close()


class Inline(Executor):
    """Does at once what it is given: one thread, so that a point's place in a story is always the same."""

    def submit(self, call: Any, /, *args: Any, **names: Any) -> Future[Any]:
        done: Future[Any] = Future()
        done.set_result(call(*args, **names))
        return done


class Turning:
    """A worker's stop event that turns the clock instead of waiting."""

    def __init__(self, clock: TurnedClock) -> None:
        self._clock = clock

    def is_set(self) -> bool:
        return False

    def wait(self, seconds: float) -> bool:
        self._clock.turn(seconds=max(seconds, 50))
        return False


class Bot:
    """A process of the bot: its worker, its sender, and its door for people."""

    def __init__(self, task: dict[str, Any], clouds: AwsClouds, store: Store) -> None:
        self.clock = TurnedClock(datetime.fromisoformat(task["now"]))
        self.store = store
        home = Path(task["home"])
        org = replace(ORG, anchors=(str(home / "anchor"),))
        books = {"stop-idle-dev": RUNBOOKS["stop-idle-dev"]}
        lake = lake_in(task["bucket"], home) if task["story"] == "bucket" else Lake(home)
        self.desk = Desk(self.store, lake, org, books, clouds, signer=checkpoints.signer(KEY))
        self.secrets = Secrets(
            bot_token=SecretStr("xoxb-test"), signing_secret=SecretStr(SIGNING), api_url=task["slack"]
        )
        self.slack = sender.client(self.secrets)
        self.locks = locks_of(self.store, home)
        self.worker = _worker(self)
        recovery.examine(self.desk, self.clock())
        recovery.remember(self.desk, self.clock())
        self.worker._seat = self.worker._sit()
        self.ticker = Ticker(self.store)
        self.life = int(task["life"])
        self._app: App | None = None

    def round(self) -> None:
        """Everything that the worker's threads do, once."""
        self.ticker.tick(self.clock())
        self.worker._keep_seat()
        self.worker._adopt(self.worker._seat)
        self.worker._look()
        while sender.deliver(self.desk, self.slack, self.clock):
            pass

    def leave(self) -> None:
        """Get up from the worker's seat."""
        self.worker._seat.leave()

    def press(self, person: str, action: str, value: str, channel: str, ts: str, *, at: str) -> None:
        """Slack delivers a press; with the same `at` it is the same press, delivered again."""
        if self._app is None:
            self._app = build_app(self.desk, self.secrets, self.clock)
            register(self._app, self.desk, self.clock)
        body = urlencode(
            {"payload": json.dumps(_payload(person, action, value, channel=channel, ts=ts, at=at))}
        )
        answer = self._app.dispatch(BoltRequest(body=body, headers=signed(body, datetime.now(UTC))))  # type: ignore[arg-type] # Bolt takes single values too
        assert answer.status == 200, answer.body
        acted_on(self.store)

    def rows(self, table: Any) -> list[Any]:
        """All rows of a table."""
        with self.store.reading() as session:
            return list(session.query(table))

    def version_of(self, row: tables.Moving) -> int:
        """How often a record was changed."""
        with self.store.reading() as session:
            return session.get_one(type(row), row.id).version

    def waits(self) -> bool:
        """Whether something is left to do or to tell."""
        with self.store.reading() as session:
            counted = waiting.counts(session)
        return any(counted["outbox"].values()) or any(
            number for state, number in counted["jobs"].items() if state != "failed"
        )


def _worker(bot: Bot) -> Worker:
    duties = Work(HANDLERS, runs.ready, runs.execute, overdue.expire)
    worker = Worker(bot.desk, duties, bot.locks, bot.clock, bot.slack)
    worker._stop = Turning(bot.clock)  # type: ignore[assignment] # what a worker asks of its event
    worker._jobs = worker._runs = Inline()  # type: ignore[assignment] # likewise
    return worker


def _payload(person: str, action: str, value: str, *, channel: str, ts: str, at: str) -> dict[str, Any]:
    return {
        "type": "block_actions",
        "team": {"id": TEAM},
        "user": {"id": person, "team_id": TEAM},
        "channel": {"id": channel},
        "container": {"type": "message", "channel_id": channel, "message_ts": ts},
        "trigger_id": "1.2.3",
        "actions": [
            {"type": "button", "block_id": "b", "action_id": action, "value": value, "action_ts": at}
        ],
    }


def through(bot: Bot, people: Callable[[Bot], bool]) -> bool:
    """Work until nothing waits and the people have what they want; say whether it came to that."""
    for _ in range(MOST_ROUNDS):
        bot.round()
        content = people(bot)
        if content and not bot.waits():
            return True
        bot.clock.turn(seconds=QUIET.total_seconds())
    return False


def clouds() -> Clouds:
    """The cloud's clients, made once for all processes that are forked from this one."""
    made = Clouds({ACCOUNT: AccountAccess()}, "crash")
    for mutating in (False, True):
        made.client(ACCOUNT, "ec2", "eu-central-1", mutating=mutating)
    return made


def surface(bot: Bot, key: str) -> tables.Surface | None:
    """Where a card stands."""
    with bot.store.reading() as session:
        return session.get(tables.Surface, key)

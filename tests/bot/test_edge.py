"""Slack's edge over real HTTP: who is let in, who is not, and what comes of a request that comes again."""

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from threading import Barrier
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from starlette.applications import Starlette

from bot.http import LARGEST_BODY, Server
from bot.metrics import Metrics
from bot.minute import Minute
from flows.desk import Desk
from storage import audit, tables
from storage.lake import Lake
from storage.store import Store
from tests.bot.blocks import samples
from tests.bot.edge import Edge, entries, messages, serving
from tests.bot.listeners.conftest import RUNBOOKS, fill
from tests.bot.listeners.talking import clock
from tests.bot.slack import BOT, TEAM, Answer, Slack, click, signed
from tests.bot.world import until
from tests.databases import Database

EXPECTED = click("finding.expected", "finding-1")
HOME = {
    "type": "event_callback",
    "team_id": TEAM,
    "event_id": "Ev1",
    "event": {"type": "app_home_opened", "user": "U_ANN", "tab": "home"},
}


def desk_on(store: Store, home: Path) -> Desk:
    """A desk with one record of each kind."""
    fill(store)
    return Desk(store, Lake(home), samples.ORG, RUNBOOKS)


@pytest.fixture
def edge(sqlite: Database, slack: Slack, tmp_path: Path) -> Iterator[Edge]:
    store = sqlite.store()
    with serving(desk_on(store, tmp_path), slack) as served:
        yield served
    store.close()


def changed(body: str, **parts: Any) -> str:
    """A request with some of its parts replaced."""
    payload = json.loads(dict(parse_qsl(body))["payload"])
    return urlencode({"payload": json.dumps(payload | parts)})


def state(desk: Desk, table: Any = tables.Finding, key: str = "finding-1") -> str:
    with desk.store.reading() as session:
        row = session.get(table, key)
    assert row is not None
    return str(row.state)


def strangers(desk: Desk) -> list[Any]:
    with desk.store.reading() as session:
        return [row["after"] for row in audit.rows(session, subject="slack")]


WRONG_STAMPS = [
    "",
    "yesterday",
    "-1",
    "1e9",
    "1" * 13,
    "1" * 4000,
    "0x1",
    "１７６３７２６４００",
    "1763726400 ",
]


class TestStrangers:
    @pytest.mark.case("T01", "T02", "V2.2.2")
    def test_what_slack_did_not_sign_now_is_401_without_a_reason_and_no_listener_runs(
        self, edge: Edge
    ) -> None:
        good = signed(EXPECTED, clock())
        late, early = (signed(EXPECTED, clock() + timedelta(seconds=s)) for s in (-302, 305))
        stamps = [{**good, "x-slack-request-timestamp": stamp.encode()} for stamp in WRONG_STAMPS]
        signatures = ["", "v0=", "v0=" + "0" * 64, "v1=" + good["x-slack-signature"][3:], "\xff" * 64]
        bad: list[dict[str, Any]] = [
            {},
            late,
            early,
            signed(EXPECTED, clock(), "another secret"),
            *({**good, "x-slack-signature": one} for one in signatures),
            *({key: value for key, value in good.items() if key != name} for name in list(good)[1:]),
            *stamps,
        ]
        assert {edge.ask(EXPECTED, headers) for headers in bad} == {(401, "invalid request")}
        assert edge.ask(EXPECTED + "&x=1", good) == (401, "invalid request")
        assert f'reason="signature"}} {len(bad) + 1}.0' in edge.figures()
        assert (state(edge.desk), entries(edge.desk), messages(edge.desk)) == ("open", [], [])

    @pytest.mark.case("T01")
    def test_strangers_are_one_counted_entry_a_minute(self, sqlite_desk: Desk, clock: Any) -> None:
        metrics = Metrics()
        minute = Minute(sqlite_desk, metrics, clock, lambda _: None)
        for why in ("signature", "signature", "workspace"):
            metrics.refused.labels(why).inc()
        minute.pass_()
        minute.pass_()
        metrics.refused.labels("signature").inc()
        minute.pass_()
        assert strangers(sqlite_desk) == [{"signature": 2, "workspace": 1}, {"signature": 1}]

    def test_what_was_not_written_down_yet_is_written_at_the_end(
        self, sqlite: Database, slack: Slack, tmp_path: Path
    ) -> None:
        store = sqlite.store()
        desk = desk_on(store, tmp_path)
        with serving(desk, slack) as edge:
            for _ in range(3):
                edge.ask(EXPECTED, {})
        assert strangers(desk) == [{"signature": 3}]
        store.close()

    @pytest.mark.case("V5.2.1")
    def test_a_body_larger_than_anything_slack_sends_is_413(self, edge: Edge) -> None:
        body = "x" * (LARGEST_BODY + 1)
        assert edge.press(body) == (413, "too large")

    @pytest.mark.case("V2.2.1", "V16.5.1")
    def test_a_signed_request_of_another_shape_is_400_without_a_reason(self, edge: Edge) -> None:
        odd = changed(EXPECTED, user={"id": ["U_ANN"]})
        for body in (odd, "payload={broken", "payload=" + "[" * 100_000, "x=1", ""):
            assert edge.press(body) == (400, "this is not what Slack sends")
        assert (state(edge.desk), entries(edge.desk)) == ("open", [])

    @pytest.mark.parametrize(
        "sent", [b"", b"POST /slack", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf"]
    )
    def test_a_sender_that_takes_its_time_is_hung_up_on(self, sent: bytes) -> None:
        server = Server(Starlette(), "127.0.0.1", 0, patience=1)
        with socket.create_connection(("127.0.0.1", server.start()), timeout=30) as line:
            line.sendall(sent)
            while line.recv(1000):
                pass  # until the server hangs up
        server.stop()


class TestWhoIsLetIn:
    @pytest.mark.case("V8.4.1")
    @pytest.mark.parametrize(
        ("parts", "why"),
        [
            ({"team": {"id": "T_THEIRS"}}, "workspace"),
            ({"user": {"id": "U_ANN", "team_id": "T_THEIRS"}}, "workspace"),
            ({"team_id": "T_THEIRS"}, "workspace"),
            ({"view": {"id": "V1", "type": "modal", "app_installed_team_id": "T_THEIRS"}}, "workspace"),
            ({"enterprise": {"id": "E_THEIRS"}}, "enterprise"),
            ({"team": {"id": TEAM, "enterprise_id": "E_THEIRS"}}, "enterprise"),
        ],
    )
    def test_other_workspaces_and_organisations_get_no_answer(
        self, edge: Edge, parts: dict[str, Any], why: str
    ) -> None:
        assert edge.press(changed(EXPECTED, **parts)) == (200, "")
        assert f'reason="{why}"}} 1.0' in edge.figures()
        assert (state(edge.desk), entries(edge.desk), messages(edge.desk)) == ("open", [], [])

    def test_our_own_organisation_is_let_in(self, sqlite: Database, slack: Slack, tmp_path: Path) -> None:
        slack.script("auth.test", *[Answer({**BOT, "enterprise_id": "E_OURS"})] * 2)
        store = sqlite.store()
        with serving(desk_on(store, tmp_path), slack) as edge:
            edge.press(changed(EXPECTED, enterprise={"id": "E_OURS"}))
            assert state(edge.desk) == "expected"
        store.close()

    def test_bots_are_not_answered(self, edge: Edge) -> None:
        body = json.dumps({**HOME, "event": {**HOME["event"], "bot_id": "B1"}})  # type: ignore[dict-item] # the event is a mapping
        assert edge.press(body, **{"content-type": "application/json"}) == (200, "")
        assert 'reason="bot"} 1.0' in edge.figures()
        assert messages(edge.desk) == []

    @pytest.mark.case(
        "V16.3.2",
    )
    @pytest.mark.parametrize("why", ["is a guest's", "is deactivated", "is a bot's"])
    def test_who_never_counts_is_refused_in_a_sentence_only_they_see(self, edge: Edge, why: str) -> None:
        with edge.desk.store.writing(clock()) as unit:
            unit.add(tables.Member(id="U_ANN", counts=False, why=why, at=clock()))
        edge.press(EXPECTED)
        assert state(edge.desk) == "open"
        assert entries(edge.desk) == [("person.refuse", "U_ANN", "U_ANN")]
        with edge.desk.store.reading() as session:
            (told,) = session.query(tables.Message)
        assert (told.kind, told.person) == ("ephemeral", "U_ANN")
        assert told.args == {"text": f"You cannot do this: your account {why}. Nothing was changed."}

    def test_who_never_counts_sees_no_money_either(self, edge: Edge) -> None:
        with edge.desk.store.writing(clock()) as unit:
            unit.add(tables.Member(id="U_ANN", counts=False, why="is a guest's", at=clock()))
        command = {"command": "/bursar", "text": "spend", "user_id": "U_ANN", "team_id": TEAM}
        status, text = edge.press(urlencode({**command, "trigger_id": "1.2", "channel_id": "C1"}))
        edge.press(json.dumps(HOME), **{"content-type": "application/json"})
        assert (status, "Checkout" in text) == (200, False)
        until(lambda: len(messages(edge.desk)) == 2)  # the listener of an event works after its answer
        assert [event for event, _, _ in entries(edge.desk)] == ["person.refuse"] * 2
        assert {kind for kind, _, _ in messages(edge.desk)} == {"ephemeral", "post"}


class TestOnce:
    @pytest.mark.case("T04")
    def test_an_event_that_slack_repeats_is_acted_on_once_and_answered_each_time(self, edge: Edge) -> None:
        for number in range(4):
            more = (
                {"x-slack-retry-num": str(number), "x-slack-retry-reason": "http_timeout"} if number else {}
            )
            answer = edge.press(json.dumps(HOME), **{"content-type": "application/json", **more})
            assert answer == (200, "")
        until(lambda: messages(edge.desk) != [])  # the listener of an event works after its answer
        with edge.desk.store.reading() as session:
            (row,) = session.query(tables.Message)
        assert row.wanted == 1

    @pytest.mark.case("T05", "V2.3.3")
    def test_a_double_click_is_one_vote_and_the_second_is_told_so(self, edge: Edge) -> None:
        with edge.desk.store.reading() as session:
            shown = f"plan-two:{session.get(tables.Plan, 'plan-two').hash[:16]}"  # type: ignore[union-attr] # it is there
        clicks = [click("approval.approve", shown, person="U_OPS", at=f"1700000000.{n}") for n in (1, 2)]
        with ThreadPoolExecutor(2) as pool:
            assert [status for status, _ in pool.map(edge.press, clicks)] == [200, 200]
        with edge.desk.store.reading() as session:
            assert [vote.person for vote in session.query(tables.Vote)] == ["U_OPS"]
        found = sorted(event for event, _, _ in entries(edge.desk))
        assert found == ["approval.approve", "approval.refuse"]
        assert ("ephemeral", "U_OPS", "sentence") in messages(edge.desk)

    @pytest.mark.case("T04", "T06")
    def test_one_press_delivered_by_everybody_at_once_to_two_talkers_acts_once(
        self, postgresql: Database, slack: Slack, tmp_path: Path
    ) -> None:
        stores = [postgresql.store(), postgresql.store()]
        desks = [desk_on(stores[0], tmp_path), Desk(stores[1], Lake(tmp_path), samples.ORG, RUNBOOKS)]
        gate = Barrier(8)
        refused = click("finding.expected", "finding-1", person="U_SAM", at="1700000000.9")

        def deliver(edge: Edge, body: str) -> int:
            gate.wait()
            return edge.press(body)[0]

        with ExitStack() as talkers, ThreadPoolExecutor(8) as pool:
            edges = [talkers.enter_context(serving(desk, slack)) for desk in desks]
            for body in (EXPECTED, refused):
                assert set(pool.map(deliver, edges * 4, [body] * 8)) == {200}
        assert [event for event, _, _ in entries(desks[0])] == ["finding.answer", "finding.refuse"]
        for store in stores:
            store.close()

    def test_a_repeated_press_opens_no_second_modal(self, edge: Edge) -> None:
        edge.slack.script("views.open", *[Answer({"ok": True, "view": {"id": "V1"}})] * 3)
        for _ in range(3):
            assert edge.press(click("dispute.split", "dispute-1", person="U_FIN")) == (200, "")
        assert len(edge.slack.of("views.open")) == 1

    def test_the_command_delivered_again_looks_once(self, edge: Edge) -> None:
        command = {"command": "/bursar", "text": "help", "user_id": "U_ANN", "team_id": TEAM}
        body = urlencode({**command, "trigger_id": "1.2", "channel_id": "C1"})
        first, second = (edge.press(body) for _ in range(2))
        assert (first[0], second) == (200, (200, ""))
        assert "/bursar" in first[1]


class TestPointers:
    @pytest.mark.case("T15", "V2.2.2", "V2.2.3")
    @pytest.mark.parametrize(
        "value",
        [
            "plan-two:{abc}",
            "plan-abc:{two}",
            "plan-abc:",
            "plan-abc:%",
            "{abc}",
            "../plan-abc:{abc}",
            "plan-9:{abc}",
        ],
    )
    def test_an_edited_value_decides_nothing(self, edge: Edge, value: str) -> None:
        with edge.desk.store.writing(clock()) as unit:
            unit.change(unit.get(tables.Plan, "plan-two"), hash="f" * 64)  # another plan than the first
        with edge.desk.store.reading() as session:
            abc = session.get(tables.Plan, "plan-abc").hash[:16]  # type: ignore[union-attr] # it is there
        edited = value.format(abc=abc, two="f" * 16)
        assert edge.press(click("approval.approve", edited, person="U_OPS")) == (200, "")
        for key in ("plan-abc", "plan-two"):
            assert state(edge.desk, tables.Plan, key) == "pending"
        assert [event for event, _, _ in entries(edge.desk)] == ["approval.refuse"]

    @pytest.mark.case("V15.3.3")
    def test_amounts_and_resources_in_a_payload_are_not_read(self, edge: Edge) -> None:
        with edge.desk.store.reading() as session:
            hash_ = session.get(tables.Plan, "plan-abc").hash  # type: ignore[union-attr] # it is there
        body = click("approval.approve", f"plan-abc:{hash_[:16]}", person="U_OPS")
        body = changed(body, targets=["i-evil"], approvers=["U_OUT"], state="succeeded", quorum=0)
        edge.press(body)
        with edge.desk.store.reading() as session:
            row = session.get(tables.Plan, "plan-abc")
        assert row is not None
        assert (row.state, row.hash) == ("approved", hash_)

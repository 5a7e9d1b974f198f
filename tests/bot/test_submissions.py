"""Modals: a submission is acted on before it is answered, so that none is lost, and none acts twice."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode

import pytest
from sqlalchemy import create_engine, inspect, text

from actions.plan import Tier
from flows.stepup import generator
from storage import plans, tables
from storage.store import Store
from tests.bot.blocks import samples
from tests.bot.edge import serving
from tests.bot.listeners.conftest import fill
from tests.bot.listeners.talking import clock
from tests.bot.slack import TEAM, Slack
from tests.bot.test_edge import desk_on
from tests.bot.test_processes import ask, bursar, free_port
from tests.bot.world import until
from tests.databases import Database

SETTINGS = """\
teams: { checkout: { channel: C_CHECKOUT, owners: [U_ANN] }, search: { channel: C_SEARCH } }
finance: { channel: C_FINANCE }
"""


def submitted(callback: str, about: str, person: str, trigger: str = "1.2", **values: str) -> str:
    """The body of a submitted modal."""
    state = {block: {"answer": {"type": "plain_text_input", "value": text}} for block, text in values.items()}
    payload = {
        "type": "view_submission",
        "team": {"id": TEAM},
        "user": {"id": person, "team_id": TEAM},
        "trigger_id": trigger,
        "view": {
            "id": "V1",
            "type": "modal",
            "callback_id": callback,
            "private_metadata": about,
            "blocks": [{"type": "input", "block_id": block} for block in values],
            "state": {"values": state},
        },
    }
    return urlencode({"payload": json.dumps(payload)})


def written(store: Store) -> str:
    """All rows of all tables."""
    with store.engine.connect() as connection:
        names = inspect(connection).get_table_names()
        return "\n".join(str(connection.execute(text(f"SELECT * FROM {name}")).all()) for name in names)


def disputes(store: Store) -> list[str]:
    """The disputes that people asked for."""
    with store.reading() as session:
        return [job.args["reason"] for job in session.query(tables.Job).filter_by(kind="dispute.open")]


@pytest.mark.slow
@pytest.mark.case("T04")
def test_a_talker_that_is_killed_over_a_submission_has_not_answered_and_the_next_one_acts_once(
    postgresql: Database, slack: Slack, tmp_path: Path
) -> None:
    store, owner = postgresql.store(), create_engine(postgresql.owner_url)
    fill(store)
    (tmp_path / "bursar.yaml").write_text(SETTINGS, encoding="utf-8")
    body = submitted("dispute.submit", "digest-1:0", "U_ANN", reason="not ours")
    port = free_port()
    begin = ("talk", "--http", f"127.0.0.1:{port}")
    with ThreadPoolExecutor(1) as pool:
        with owner.begin() as line, bursar(tmp_path, postgresql, slack, *begin) as talker:
            until(lambda: ask(port, "/readyz") == 200)
            line.execute(text("LOCK TABLE job IN EXCLUSIVE MODE"))  # nothing can be committed meanwhile
            answer = pool.submit(ask, port, "/slack/events", body)
            until(lambda: waits(store))
            talker.process.kill()
            assert answer.result() is None
        assert disputes(store) == []
        with bursar(tmp_path, postgresql, slack, *begin):
            until(lambda: ask(port, "/readyz") == 200)
            assert [ask(port, "/slack/events", body) for _ in range(2)] == [200, 200]
    assert disputes(store) == ["not ours"]
    owner.dispose()
    store.close()


def waits(store: Store) -> bool:
    """Whether somebody waits for a lock."""
    with store.engine.connect() as connection:
        found = connection.execute(text("SELECT count(*) FROM pg_locks WHERE NOT granted"))
        return int(found.scalar_one()) > 0


@pytest.mark.case("V13.3.1")
def test_the_code_of_a_step_up_is_kept_nowhere_whether_it_is_right_or_wrong(
    sqlite: Database, slack: Slack, tmp_path: Path
) -> None:
    secret, now, store = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", clock(), sqlite.store()
    desk = replace(desk_on(store, tmp_path), authenticators=lambda: {"U_OPS": secret})
    tomorrow = now + timedelta(days=1)
    plan = samples.plan(created_at=now, approve_by=tomorrow, execute_by=tomorrow)
    plan = replace(plan, id="plan-grave", tier=Tier.T3, quorum=2)
    with store.writing(now) as unit:
        plans.save(unit, plan)
    codes = ["987123", generator(secret).generate(int(now.timestamp())).decode()]
    about = f"{plan.id}:{plan.hash[:16]}"
    given = {"reason": "unused", "typed": f"delete {len(plan.targets)}"}
    with serving(desk, slack) as edge:
        for code in (*codes, codes[-1]):
            body = submitted(
                "approve.submit", about, "U_OPS", trigger=f"1.{codes.index(code)}", **given, code=code
            )
            assert edge.press(body)[0] == 200
    with store.reading() as session:
        assert [vote.person for vote in session.query(tables.Vote)] == ["U_OPS"]
        assert {row.body for row in session.query(tables.Inbox)} == {None}
    assert not [code for code in (*codes, secret) if code in written(store)]
    store.close()

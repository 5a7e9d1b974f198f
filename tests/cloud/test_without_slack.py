"""Runs while Slack is away or a channel is gone: the cloud is worked on, and what is to be told follows."""

from collections.abc import Callable, Iterator

import pytest
from slack_sdk import WebClient

from actions.plan import Plan, PlanState
from bot import sender
from flows import cards
from storage import audit, outbox, tables
from tests.actions.world import World
from tests.bot.slack import BROKEN, LOST, Answer, Slack, error, serving
from tests.cloud.runs import approved
from tests.flows.world import HOUR, Company

IDLE = "Stop idle development instances"
POST, UPDATE = "chat.postMessage", "chat.update"
#: More answers than any of these tests asks for.
ALWAYS = 1000


@pytest.fixture
def slack() -> Iterator[Slack]:
    """A Slack on the loopback."""
    with serving() as served:
        yield served


@pytest.fixture
def deliver(acting: Company, slack: Slack) -> Callable[[], None]:
    """Delivers what is due, and lets twenty seconds pass."""
    client: WebClient = sender.client(slack.secrets)

    def once() -> None:
        sender.deliver(acting.desk, client, acting.clock)
        acting.clock.turn(seconds=20)

    return once


def ran(company: Company, plan: Plan, deliver: Callable[[], None]) -> PlanState:
    """The run to its end, with the sender at work between and within its waves."""
    while left := company.pass_over(plan.id, wait=lambda _seconds: deliver()):
        for _ in range(int(left // 20)):
            deliver()
    return company.state(plan.id)


def took(slack: Slack, channel: str) -> list[tuple[str, str]]:
    """What Slack took for a channel, in order: the call, and what its readers are notified of."""
    return [(call.method, call.args["text"]) for call in slack.calls if call.args["channel"] == channel]


def pending(company: Company) -> list[str]:
    """The templates of what is not delivered yet."""
    with company.store.reading() as session:
        return [row.template for row in session.query(tables.Message) if row.state == "pending"]


@pytest.mark.case("T41")
@pytest.mark.parametrize("fault", [LOST, BROKEN], ids=["no answer", "answers 500"])
def test_a_run_ends_while_slack_is_away_for_an_hour_and_its_messages_follow_in_order(
    fault: Answer, acting: Company, world: World, slack: Slack, deliver: Callable[[], None]
) -> None:
    acting.with_org(wave_pause=60)
    plan = approved(acting, world, 4)
    deliver()
    for method in (POST, UPDATE):
        slack.script(method, *[fault] * ALWAYS)
    back = acting.now + HOUR
    assert ran(acting, plan, deliver) is PlanState.SUCCEEDED
    assert {world.state(target.id) for target in plan.targets} == {"stopped"}
    while acting.now < back:
        deliver()
    assert "run_told" in pending(acting)
    slack._scripted.clear()
    slack.calls.clear()
    for _ in range(12):
        deliver()
    assert pending(acting) == []
    assert took(slack, "C_OPS") == [(UPDATE, f"{IDLE} (4 targets): succeeded"), (POST, f"{IDLE}: 4 done.")]
    assert took(slack, "C_WEB") == [(UPDATE, f"{IDLE}: 4 things of yours"), (POST, f"{IDLE}: succeeded")]


@pytest.mark.case("T42")
def test_a_run_does_not_mind_that_the_channel_of_its_card_is_gone(
    acting: Company, world: World, slack: Slack, deliver: Callable[[], None]
) -> None:
    acting.with_org(wave_pause=60, fallback_channel="C_ELSE")
    plan = approved(acting, world, 4)
    deliver()
    slack.script(UPDATE, error("channel_not_found"))
    assert ran(acting, plan, deliver) is PlanState.SUCCEEDED
    assert {world.state(target.id) for target in plan.targets} == {"stopped"}
    for _ in range(6):
        deliver()
    assert pending(acting) == []
    with acting.store.reading() as session:
        stands = outbox.surface(session, cards.plan(plan.id))
    assert stands is not None
    assert stands.channel == "C_ELSE"
    told = took(slack, "C_ELSE")
    assert told[0] == (POST, f"{IDLE} (4 targets): running")
    assert told[-2:] == [(UPDATE, f"{IDLE} (4 targets): succeeded"), (POST, f"{IDLE}: 4 done.")]
    with acting.store.reading() as session:
        moved = [row["after"] for row in audit.rows(session) if row["event"] == "message.reroute"]
    assert moved == [{"channel": "C_ELSE"}]

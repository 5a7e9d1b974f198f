"""Standing approvals in Slack: the card in each state, the list, and the modals."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings

from actions import window
from actions.standing import Bounds, Selector, Standing, StandingState, Used
from bot.blocks import home, standing
from flows.automatic import View
from runbooks.schema import Runbook
from tests.bot.blocks import oracle
from tests.bot.blocks.samples import NOW, ORG, PING, overview
from tests.bot.blocks.test_digest import NAMES
from tests.flows.world import RUNBOOKS

S = StandingState
ONE = Standing(
    id="standing-abc",
    title="Stop idle development instances",
    runbook="stop-idle-dev",
    runbook_hash="r" * 64,
    selector=Selector(("111111111111",), ("dev", "sandbox"), "checkout", ("schedule=office",)),
    window=window.read("mon-fri 09:00-17:00 Europe/Berlin"),
    bounds=Bounds(5, Decimal(200), "USD"),
    until=NOW + timedelta(days=30),
    approvers=("U_ANN", "U_OPS", "U_TWO"),
    requested_by="U_ANN",
    reason="Nobody needs them at night.",
    created_at=NOW,
    answer_by=NOW + timedelta(days=1),
)
PENDING = View(ONE, ("U_OPS",), None, None, None, Used())
ACTIVE = View(replace(ONE, state=S.ACTIVE), ("U_OPS", "U_TWO"), None, None, None, Used(2, Decimal("61.5")))


def ended(state: StandingState, by: str, reason: str | None = None) -> View:
    return replace(ACTIVE, one=replace(ONE, state=state), ended_by=by, reason=reason)


VIEWS = {
    "pending": PENDING,
    "active": ACTIVE,
    "denied": ended(S.DENIED, "U_TWO", "not yet"),
    "expired": ended(S.EXPIRED, "bursar", "its last day has passed"),
    "revoked": ended(S.REVOKED, "U_OPS"),
}


@pytest.mark.parametrize("state", VIEWS)
def test_each_state_is_a_valid_message_with_its_own_buttons(state: str) -> None:
    text, blocks = standing.draw(VIEWS[state], ORG)
    oracle.message(text, blocks)
    may = {"pending": ["Approve", "Deny", "Revoke"], "active": ["Revoke"]}
    assert [label for label, _ in oracle.buttons(blocks)] == may.get(state, [])
    word = "needs approval" if state == "pending" else state
    assert text == f"Standing approval for Stop idle development instances: {word}"


def test_every_state_there_is_has_a_card() -> None:
    assert set(VIEWS) == {state.value for state in S}


def test_a_card_says_what_on_what_when_how_much_and_until_when() -> None:
    said = oracle.read(standing.draw(PENDING, ORG)[1])
    for part in (
        "*Needs 1 approval.* Nobody needs them at night.",
        "Lets Bursar run *stop-idle-dev* without asking",
        "in the environment dev or sandbox, owned by Checkout, in the account platform-dev and tagged",
        "within mon-fri 09:00-17:00 Europe/Berlin, until <!date^",
        "a day at most 5 targets that cost $200.00 a month together",
        "*May approve:* <@U_OPS> and <@U_TWO>",
        "*Approved:* 1 of 2 (<@U_OPS>)",
        "asked for by <@U_ANN>",
        f"hash {ONE.hash[:16]}",
    ):
        assert part in said
    assert "today so far" not in said


def test_the_list_says_what_today_has_taken_and_the_card_who_agreed() -> None:
    assert "together; today so far 2 targets of $61.50" in oracle.read(
        standing.listed([ACTIVE], ORG, asks=True)
    )
    said = oracle.read(standing.draw(ACTIVE, ORG)[1])
    assert "*Approved* by <@U_OPS> and <@U_TWO>" in said
    assert "today so far" not in said


def test_one_that_is_suspended_says_why() -> None:
    view = replace(ACTIVE, suspended="its runbook changed after it was asked for")
    said = oracle.read(standing.draw(view, ORG)[1])
    assert "*Suspended:* its runbook changed after it was asked for. People are asked each time." in said


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("denied", "*Denied* by <@U_TWO>: not yet."),
        ("expired", "*Ended*: its last day has passed."),
        ("revoked", "*Revoked* by <@U_OPS>."),
    ],
)
def test_one_that_ended_says_by_whom_and_why(state: str, said: str) -> None:
    assert said in oracle.read(standing.draw(VIEWS[state], ORG)[1])


def test_revoking_asks_nothing_and_carries_only_a_pointer() -> None:
    _, blocks = standing.draw(ACTIVE, ORG)
    (button,) = next(block for block in blocks if block["type"] == "actions")["elements"]
    assert (button["action_id"], button["style"]) == ("standing.revoke", "danger")
    assert button["value"] == f"standing-abc:{ONE.hash[:16]}"
    assert "confirm" not in button


def test_the_list_offers_to_ask_for_one() -> None:
    text, blocks = home.answer("standing", overview(standing=(ACTIVE, PENDING)), ORG)
    oracle.message(text, blocks)
    labels = [label for label, _ in oracle.buttons(blocks)]
    assert labels == ["Revoke", "Approve", "Deny", "Revoke", "Ask for one…"]
    _, none = home.answer("standing", overview(), ORG)
    assert "None: people are asked before anything is done." in oracle.read(none)


def test_the_home_shows_them_and_a_long_list_is_cut() -> None:
    page = home.page(overview(standing=(ACTIVE,) * 20), ORG, NOW)
    oracle.view(page)
    assert "… and 12 more" in oracle.read(page)


def test_the_modal_asks_for_all_of_the_terms() -> None:
    view = standing.ask(RUNBOOKS.values(), ORG, NOW)
    oracle.view(view)
    inputs = {block["block_id"]: block for block in view["blocks"] if block["type"] == "input"}
    assert list(inputs) == [
        "runbook", "environments", "team", "accounts", "tags", "window", "targets", "amount", "until",
        "reason",
    ]  # fmt: skip
    offered = [option["value"] for option in inputs["runbook"]["element"]["options"]]
    assert "cap-lambda-concurrency" not in offered  # only proposed on request
    assert inputs["window"]["element"]["initial_value"] == "mon-fri 09:00-17:00 UTC"
    assert view["callback_id"] == "standing.submit"


def test_without_a_runbook_that_acts_by_the_clock_there_is_nothing_to_ask_for() -> None:
    none: list[Runbook] = [RUNBOOKS["cap-lambda-concurrency"]]
    view = standing.ask(none, ORG, NOW)
    oracle.view(view)
    assert "submit" not in view


@pytest.mark.parametrize(
    ("yes", "callback"), [(True, "standing.approve.submit"), (False, "standing.deny.submit")]
)
def test_a_yes_and_a_no_ask_why(yes: bool, callback: str) -> None:
    view = standing.why("standing-abc:0000", yes=yes)
    oracle.view(view)
    assert (view["callback_id"], view["private_metadata"]) == (callback, "standing-abc:0000")


@settings(max_examples=40, deadline=None)
@given(NAMES)
def test_any_card_fits_whatever_its_words_are(name: str) -> None:
    hostile = replace(
        ONE,
        state=S.ACTIVE,
        title=name,
        reason=name * 3,
        requested_by=name,
        selector=Selector((name,), (name,), name, (name,)),
        approvers=tuple(f"U{n:03}" for n in range(60)),
    )
    view = replace(ACTIVE, one=hostile, reason=name, suspended=name)
    text, blocks = standing.draw(view, ORG)
    oracle.message(text, blocks)
    for words in oracle.words(blocks):
        rest = words.replace("<@U", "").replace("<!date^", "")
        assert "<" not in rest


def test_a_hostile_reason_pings_nobody() -> None:
    _, blocks = standing.draw(replace(PENDING, one=replace(ONE, reason=PING, title=PING)), ORG)
    assert "<!channel>" not in str(blocks[1:])

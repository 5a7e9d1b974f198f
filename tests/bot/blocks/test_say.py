"""The warning of owners, the modals that follow it, what the card says of it, and what one keeps."""

from datetime import timedelta

import pytest
from hypothesis import given, settings

from actions.plan import Plan, PlanState, Struck
from actions.say import WarningState, kept_by
from actions.step import StepState
from bot.blocks import kit, say
from bot.blocks import plan as cards
from tests.bot.blocks import oracle, samples
from tests.bot.blocks.samples import NOW, ORG, PING, keep, warned
from tests.bot.blocks.test_digest import NAMES

LATER = NOW + timedelta(hours=24)


def told(of: Plan | None = None, state: str = "open", **changes: object) -> say.Told:
    row = warned(state=state, **{"answered_by": "U_ANN" if state != "open" else None, **changes})
    return say.Told(row, of or samples.plan(), ORG, LATER)


def test_a_warning_says_what_of_theirs_when_what_it_saves_who_asks_and_why() -> None:
    text, blocks = say.draw(told())
    oracle.message(text, blocks)
    said = oracle.read(blocks)
    for part in (
        "Stop idle development instances",
        f"It stops *2 things of yours*, not before {kit.moment(LATER)}",
        "and only if it is approved",
        "It waits for approval. Idle for two weeks.",
        "It saves about *$116.80 a month*.",
        "*dev-box-0*",
        "platform-dev · $58.40 a month",
        "asked for by Bursar · plan-abc",
    ):
        assert part in said
    assert "dev-box-2" not in said
    assert oracle.buttons(blocks) == [
        ("Keep until…", "warned-1"),
        ("Fine", "warned-1"),
        ("Not mine", "warned-1"),
    ]
    assert text == "Stop idle development instances: 2 things of yours"


def test_without_a_waiting_time_it_says_that_the_approval_is_all_that_is_missing() -> None:
    row = warned()
    _, blocks = say.draw(say.Told(row, samples.plan(), ORG, None))
    assert "as soon as it is approved" in oracle.read(blocks)


def test_what_nobody_owns_is_asked_of_finance_which_cannot_hand_it_on() -> None:
    text, blocks = say.draw(told(team=""))
    oracle.message(text, blocks)
    assert "*2 things that nobody owns*" in oracle.read(blocks)
    assert [label for label, _ in oracle.buttons(blocks)] == ["Keep until…", "Fine"]


@pytest.mark.parametrize(
    ("state", "said", "buttons"),
    [
        (WarningState.FINE, "<@U_ANN> says: fine.", ["Keep until…"]),
        (WarningState.KEPT, "<@U_ANN> keeps what is named below.", ["Keep until…"]),
        (WarningState.NOT_MINE, "Finance was asked whose it is.", ["Keep until…"]),
        (WarningState.PASSED, "", ["Keep until…"]),
    ],
)
def test_an_answer_is_named_and_a_keep_may_still_come(
    state: WarningState, said: str, buttons: list[str]
) -> None:
    text, blocks = say.draw(told(state=state))
    oracle.message(text, blocks)
    assert said in oracle.read(blocks)
    assert [label for label, _ in oracle.buttons(blocks)] == buttons


@pytest.mark.parametrize("state", [PlanState.DENIED, PlanState.EXPIRED, PlanState.SUCCEEDED])
def test_a_plan_that_is_over_asks_nothing_any_more(state: PlanState) -> None:
    text, blocks = say.draw(told(samples.plan(state=state)))
    oracle.message(text, blocks)
    assert f"This plan is {state.value}. Nothing is asked of you any more." in oracle.read(blocks)
    assert oracle.buttons(blocks) == []


def test_what_is_kept_is_listed_with_by_whom_until_when_and_why() -> None:
    held = say.Told(warned(state="kept"), samples.plan(), ORG, LATER, (keep(),))
    _, blocks = say.draw(held)
    assert (
        f"*dev-box-1* by <@U_ANN> until {kit.moment(NOW + timedelta(days=10))}: a demo on Friday"
        in oracle.read(blocks)
    )


def test_the_card_names_the_owners_their_answers_what_is_kept_and_the_way_over_it() -> None:
    rows = [warned(), warned(id="w2", team="", state="fine", answered_by="U_FIN")]
    card = samples.card(warned=rows, keeps=[keep()], not_before=LATER)
    text, blocks = cards.draw(card)
    oracle.message(text, blocks)
    said = oracle.read(blocks)
    assert "*Owners warned:* Checkout (no answer) and finance, for nobody (fine, <@U_FIN>)" in said
    assert f"*Begins* not before {kit.moment(LATER)}" in said
    assert "*Kept by owners, so left alone:*\n• *dev-box-1* by <@U_ANN>" in said
    assert ("Override a Keep…", "plan-abc") in oracle.buttons(blocks)


def test_an_approved_plan_says_that_it_waits_for_its_owners() -> None:
    approved = samples.plan(state=PlanState.APPROVED)
    votes = [samples.vote("U_OPS")]
    _, waiting = cards.draw(samples.card(approved, votes=votes, warned=[warned()], not_before=LATER))
    assert "It waits for its owners' answers." in oracle.read(waiting)
    _, soon = cards.draw(samples.card(approved, votes=votes, warned=[warned()], not_before=NOW))
    assert "It starts in a moment." in oracle.read(soon)


def test_who_keeps_a_thing_is_mentioned_on_the_card_and_nobody_else_can_be() -> None:
    mine = kept_by("U_ANN", LATER, f"a demo for {PING}")
    struck = (Struck("i-9", "batch-1", mine), Struck("i-8", "old", f"its tag {PING} protects it"))
    _, blocks = cards.draw(samples.card(samples.plan(struck=struck)))
    assert "kept by <@U_ANN> until" in oracle.read(blocks)
    assert not [words for words in oracle.words(blocks) if "<@U_BOSS>" in words]
    partial = samples.plan(state=PlanState.PARTIAL)
    steps = samples.steps(partial, StepState.SKIPPED, detail=mine)
    _, after = cards.draw(samples.card(partial, steps=steps, ended_at=NOW))
    assert "kept by <@U_ANN> until" in oracle.read(after)
    assert not [words for words in oracle.words(after) if "<@U_BOSS>" in words]


def test_the_question_what_to_keep_begins_with_all_of_it_and_two_weeks() -> None:
    things = [("i-1", "box-a"), ("i-2", "box-b")]
    view = say.ask_keep("warned-1", things, NOW, "Europe/Berlin")
    oracle.view(view)
    inputs = {block["block_id"]: block["element"] for block in view["blocks"] if block["type"] == "input"}
    assert [one["value"] for one in inputs[say.WHICH]["options"]] == ["all", "0", "1"]
    assert inputs[say.UNTIL]["initial_date"] == "2026-11-30"
    assert (view["callback_id"], view["private_metadata"]) == ("keep.submit", "warned-1")
    assert "At the latest 14 Feb." in oracle.read(view)


def test_of_one_thing_only_that_one_is_offered() -> None:
    view = say.ask_keep("warned-1", [("i-1", "box-a")], NOW, "UTC")
    oracle.view(view)
    (chooser,) = [block["element"] for block in view["blocks"] if block.get("block_id") == say.WHICH]
    assert [one["value"] for one in chooser["options"]] == ["0"]


def test_an_override_asks_which_keep_and_why() -> None:
    view = say.ask_override("plan-abc", [keep(), keep(id="keep-2", target="i-2")])
    oracle.view(view)
    said = oracle.read(view)
    assert "a demo on Friday" in said
    assert "At least 10 characters; the owner reads it." in said
    (chooser,) = [block["element"] for block in view["blocks"] if block.get("block_id") == say.KEEP]
    assert [one["value"] for one in chooser["options"]] == ["keep-1", "keep-2"]


def test_what_a_person_keeps_is_released_with_one_press() -> None:
    blocks = say.held([keep(id=f"keep-{n}") for n in range(9)])
    oracle.message("What you keep", blocks)
    assert oracle.buttons(blocks)[0] == ("Release", "keep-0")
    assert "… and 1 more" in oracle.read(blocks)
    assert "You keep nothing." in oracle.read(say.held([]))


@settings(max_examples=25, deadline=None)
@given(NAMES)
def test_no_name_and_no_reason_breaks_a_warning_or_pings_anybody(name: str) -> None:
    of = samples.plan(targets=tuple(samples.target(n, name) for n in range(30)), reason=name, title=name)
    row = warned(targets=[target.id for target in of.targets])
    keeps = [keep(id=f"k{n}", reason=name, target=name) for n in range(30)]
    text, blocks = say.draw(say.Told(row, of, ORG, LATER, keeps))
    oracle.message(text, blocks)
    for view in (
        say.ask_keep("w", [(name, name)] * 120, NOW, "UTC"),
        say.ask_override("p", [keep(id=f"k{n}", reason=name, target=name) for n in range(120)]),
    ):
        oracle.view(view)
    said = " ".join(oracle.words(blocks)).replace("<!date^", "")
    for ping in ("<!", "<#", "<http"):
        assert ping not in said

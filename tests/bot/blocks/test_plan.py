"""The card of a plan: every state, what it says, and what can be pressed."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actions.base import Grade
from actions.plan import Plan, PlanState, Struck, Tier
from actions.step import NOT_OURS, StepState
from bot.blocks import kit, plan_detail, progress
from bot.blocks import plan as card
from tests.bot.blocks import oracle
from tests.bot.blocks.samples import NOW, ORG, PING, cards, plan, steps, target, vote
from tests.bot.blocks.samples import card as drawn
from tests.bot.blocks.test_digest import NAMES

BUTTONS = {
    "pending": ["Approve", "Deny"],
    "approved": ["Cancel"],
    "succeeded": ["Undo"],
    "partial": ["Undo"],
    "failed": ["Undo"],
    "halted": ["Undo"],
}


def said(of: card.Card) -> str:
    return oracle.read(card.draw(of)[1])


@pytest.mark.parametrize("state", sorted(cards()))
def test_each_state_is_a_valid_message_with_its_own_buttons(state: str) -> None:
    text, blocks = card.draw(cards()[state])
    oracle.message(text, blocks)
    assert [label for label, _ in oracle.buttons(blocks)] == BUTTONS.get(state, [])
    expected = "needs approval" if state == "pending" else state
    assert text == f"Stop idle development instances (7 targets): {expected}"


def test_every_state_there_is_has_a_card() -> None:
    assert set(cards()) == {state.value for state in PlanState}


def test_a_pending_card_says_what_who_until_when_and_what_waiting_costs() -> None:
    text = said(cards()["pending"])
    for part in (
        "*Needs 1 approval.* Idle for two weeks.",
        "Saves about *$408.80 a month*. Every day of waiting costs $13.44.",
        "*7 targets:* CPU below 2 % and almost no network for 14 days",
        "*dev-box-0* · i-00000000000000000 · platform-dev · $58.40 a month",
        "*Left out: 2.* batch-1 (its tag do-not-stop protects it) and old (touched 2 h ago)",
        "*Undo:* can be undone in full for 72 h",
        "*May approve:* <@U_OPS> and <@U_TWO>",
        "*Approved:* 0 of 1",
        "<!date^1794834000^{date_short_pretty} {time}|16 Nov 13:00 UTC>",
        "tier 1: reversible",
    ):
        assert part in text


def test_the_buttons_carry_the_hash_that_the_card_shows() -> None:
    shown = plan()
    _, blocks = card.draw(drawn(shown))
    assert {value for _, value in oracle.buttons(blocks)} == {f"plan-abc:{shown.hash[:16]}"}


def test_a_second_approval_is_counted_on_the_card() -> None:
    two = plan(quorum=2, tier=Tier.T2, grade=Grade.B)
    text = said(drawn(two, votes=[vote("U_OPS")]))
    assert "*Needs 1 approval.*" in text
    assert "*Approved:* 1 of 2 (<@U_OPS>)" in text
    assert "can be undone for 72 h, slowly or under a new id" in text


def test_neither_who_asked_nor_who_wrote_the_runbook_is_named_among_the_approvers() -> None:
    _, blocks = card.draw(drawn(plan(tier=Tier.T2, authors=frozenset({"U_TWO"}))))
    assert "*May approve:* <@U_OPS>" in oracle.read(blocks)


def test_a_deletion_in_production_says_what_else_it_takes() -> None:
    _, blocks = card.draw(drawn(plan(tier=Tier.T3, quorum=2)))
    said_on_it = oracle.read(blocks)
    assert "of different teams, each with a code of their authenticator" in said_on_it
    assert "tier 3: deletes in production" in said_on_it


def test_who_asked_may_cancel_and_is_not_named_among_the_approvers() -> None:
    asked = plan(requested_by="U_OPS")
    _, blocks = card.draw(drawn(asked))
    assert [label for label, _ in oracle.buttons(blocks)] == ["Approve", "Deny", "Cancel"]
    assert "*May approve:* <@U_TWO>" in oracle.read(blocks)
    assert "asked for by <@U_OPS>" in oracle.read(blocks)


def test_a_run_shows_its_wave_and_how_far_it_is() -> None:
    running = plan(state=PlanState.RUNNING)
    first = drawn(running, steps=steps(running, StepState.INTENT, StepState.NEW))
    assert "*Running.* ▱▱▱▱▱▱▱▱▱▱ 0 of 7 · wave 1 of 3, the canary" in said(first)
    later = drawn(
        running, steps=steps(running, StepState.DONE, StepState.DONE, StepState.DONE, StepState.NEW)
    )
    assert "*Running.* ▰▰▰▰▱▱▱▱▱▱ 3 of 7 · wave 3 of 3" in said(later)


def test_a_run_that_pauses_says_when_it_goes_on() -> None:
    running = plan(state=PlanState.RUNNING)
    found, until = steps(running, StepState.DONE, StepState.NEW), NOW + timedelta(minutes=1)
    assert f" · goes on {kit.moment(until)}" in said(drawn(running, steps=found, next_wave_at=until))
    assert "goes on" not in said(drawn(running, steps=found, next_wave_at=NOW))


def test_a_run_that_is_held_says_by_what_and_until_when_at_the_latest() -> None:
    running = plan(state=PlanState.RUNNING)
    found, until = steps(running, StepState.DONE, StepState.NEW), NOW + timedelta(seconds=30)
    shown = said(drawn(running, steps=found, next_wave_at=until, waits_for=f"an incident is open: {PING}"))
    assert f"*Held:* an incident is open: {PING}. It goes on once that is over, or ends at " in shown
    assert kit.moment(running.execute_by) in shown
    assert "goes on <" not in shown


def test_an_undo_that_nobody_pressed_names_what_it_stands_on() -> None:
    back = plan(state=PlanState.RUNNING, undo_of="plan-0")
    text = oracle.read(card.draw(drawn(back, steps=steps(back, StepState.DONE)))[1])
    assert "*Approved* by the approval of the run that it takes back" in text


def test_what_somebody_else_did_while_the_outcome_was_unknown_says_so() -> None:
    running = plan(state=PlanState.RUNNING)
    found = [
        replace(step, code=NOT_OURS, detail="without this run's tag: somebody else did it")
        for step in steps(running, StepState.DONE)
    ]
    assert "somebody else did it" in said(drawn(running, steps=found))


def test_a_failing_target_is_named_first_with_its_reason() -> None:
    text = said(cards()["failed"])
    assert "*Stopped after a failure; nothing further was called.* 2 done, 1 failed and 4 not begun." in text
    assert text.index("✗ *dev-box-2* failed: OperationNotPermitted") < text.index("✓ *dev-box-0* done")


def test_what_was_so_already_is_told_from_what_the_run_did() -> None:
    done = cards()["succeeded"]
    first, *others = done.steps
    shown = said(replace(done, steps=[replace(first, before=None), *others]))
    assert shown.count("it was so already, so nothing was called") == 1


def test_what_was_saved_counts_only_what_was_changed() -> None:
    assert "Saves about *$408.80 a month*." in said(cards()["succeeded"])
    assert "Saves about *$116.80 a month*." in said(cards()["failed"])


def test_undo_is_offered_until_its_deadline_and_once() -> None:
    done = cards()["succeeded"]
    late = replace(done, now=NOW + timedelta(hours=72))
    assert not oracle.buttons(card.draw(late)[1])
    undone = replace(done, undone=True)
    assert not oracle.buttons(card.draw(undone)[1])
    assert "The undo has a card of its own in the thread." in said(undone)
    nothing = replace(done, steps=steps(done.plan, StepState.SKIPPED))
    assert not oracle.buttons(card.draw(nothing)[1])
    final = replace(done, plan=replace(done.plan, grade=Grade.D))
    assert not oracle.buttons(card.draw(final)[1])


def test_an_undo_has_a_card_of_its_own_without_a_saving_or_an_undo() -> None:
    undo = plan(
        title="Undo: Stop idle development instances",
        undo_of="plan-abc",
        undo_hours=0,
        targets=tuple(replace(target(n), monthly_cost=None) for n in range(2)),
        struck=(),
    )
    text = said(drawn(undo))
    assert "undo of an earlier run" in text
    assert "a month" not in text
    assert "*Undo:*" not in text


def test_a_denied_plan_says_by_whom_and_why() -> None:
    assert "*Denied* by <@U_OPS>: not now. Nothing was changed." in said(cards()["denied"])
    assert "It was about 7 targets: dev-box-0, dev-box-1, dev-box-2 and 4 more." in said(cards()["denied"])


def test_more_than_ten_targets_go_on_in_the_thread() -> None:
    many = plan(targets=tuple(target(n) for n in range(40)))
    assert "… and 30 more, in the thread" in said(drawn(many))
    text, blocks, plain = plan_detail.draw(drawn(many))
    oracle.message(text, blocks)
    oracle.message(text, plain)
    assert "… and 16 more: `bursar audit show plan-abc`" in oracle.read(blocks)
    assert "dev-box-23" in oracle.read(plain)


def test_the_threads_table_says_what_became_of_each_target() -> None:
    text, blocks, plain = plan_detail.draw(cards()["failed"])
    oracle.message(text, blocks)
    oracle.message(text, plain)
    assert text == "Stop idle development instances: 2 done, 1 failed and 4 not begun."
    table = next(block for block in blocks if block["type"] == "table")
    assert [cell["text"] for cell in table["rows"][3]] == [
        "✗",
        "dev-box-2",
        "i-00000000000000002",
        "platform-dev",
        "failed: OperationNotPermitted",
    ]


def test_of_several_steps_on_a_target_the_one_that_went_wrong_decides() -> None:
    shown = plan(targets=(target(0),))
    snapshot, delete = steps(shown, StepState.DONE)[0], steps(shown, StepState.FAILED, detail="InUse")[0]
    (one,) = progress.outcomes(shown, [snapshot, replace(delete, number=1)])
    assert (one.state, one.why) == (StepState.FAILED, "InUse")
    (well,) = progress.outcomes(shown, [snapshot, replace(snapshot, number=1)])
    assert well.state is StepState.DONE
    (open_,) = progress.outcomes(shown, [])
    assert open_.state is StepState.NEW


def test_the_owners_are_told_what_was_done_to_what_is_theirs() -> None:
    text = plan_detail.told(plan(state=PlanState.SUCCEEDED), ["dev-box-1", "<!channel>"], ORG)
    assert text.startswith("*Stop idle development instances*: done to dev-box-1 and &lt;!channel&gt;")
    assert "in platform-dev." in text


@settings(max_examples=40, deadline=None)
@given(NAMES, st.integers(1, 60), st.sampled_from(sorted(cards())))
def test_any_card_fits_whatever_its_targets_are_called(name: str, many: int, state: str) -> None:
    usual = cards()[state]
    targets = tuple(
        replace(target(n, name), why=name, account=name, id=f"{n}{name}", monthly_cost=Decimal(10**9))
        for n in range(many)
    )
    struck = tuple(Struck(f"i-{n}", name, name) for n in range(many))
    people = frozenset(f"U{n:03}" for n in range(many + 1))
    hostile: Plan = replace(
        usual.plan,
        targets=targets,
        struck=struck,
        approvers=people,
        title=name,
        reason=name * 3,
        requested_by=name,
    )
    run = steps(hostile, *(step.state for step in usual.steps), detail=name) if usual.steps else ()
    shown = replace(usual, plan=hostile, steps=run, outcome=name * 3)
    text, blocks = card.draw(shown)
    oracle.message(text[:3000], blocks)
    detail, rows, plain = plan_detail.draw(shown)
    oracle.message(detail, rows)
    oracle.message(detail, plain)
    ours = ("<@U", "<!date^")
    for words in oracle.words(blocks):
        rest = words
        for opening in ours:
            rest = rest.replace(opening, "")
        assert "<" not in rest


def test_a_hostile_reason_pings_nobody() -> None:
    assert "<!channel>" not in str(card.draw(drawn(plan(reason=PING, title=PING)))[1][1:])

"""The answer to "who stopped my box?", in Slack and on a terminal."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings

from actions.say import kept_by
from bot.blocks import kit, why
from flows.why import Answer, Approval, Change, Deed, Kept, Undo
from tests.bot.blocks import oracle
from tests.bot.blocks.samples import NOW, PING
from tests.bot.blocks.test_digest import NAMES

DONE = Deed(
    run="plan-abc",
    title="Stop idle development instances",
    runbook="stop-idle-dev",
    state="succeeded",
    requested_by="bursar",
    reason="Idle for two weeks.",
    approved_by=(Approval("U_OPS", NOW, "yes"), Approval("U_TWO", NOW, None)),
    standing=None,
    changes=(Change("i-1", "aws.stop_instances", "done", NOW, None),),
    undo=Undo("an approver presses Undo", NOW + timedelta(hours=72)),
)
KEPT = Kept("U_ANN", NOW, NOW + timedelta(days=3), "a demo", "overridden", "U_TWO", "it burns money")
ANSWER = Answer("i-1", "dev-box", "platform-dev", "instance", "checkout", (DONE,), (), (KEPT,))


def test_who_when_why_and_the_way_back_are_said() -> None:
    text, blocks = why.draw([ANSWER])
    oracle.message(text, blocks)
    said = oracle.read(blocks)
    for part in (
        "dev-box (i-1), instance in platform-dev, of team checkout",
        f"{kit.moment(NOW)} aws.stop_instances: done",
        "run `plan-abc` (succeeded), runbook stop-idle-dev",
        "asked for by Bursar: Idle for two weeks.",
        f"approved by <@U_OPS> at {kit.moment(NOW)} (yes) and <@U_TWO> at {kit.moment(NOW)}",
        f"undo: an approver presses Undo until {kit.moment(NOW + timedelta(hours=72))}",
        "<@U_ANN> keeps it until",
        "(overridden by <@U_TWO>: it burns money)",
    ):
        assert part in said


def test_a_terminal_reads_the_same_without_markup() -> None:
    lines = list(why.plain(ANSWER))
    assert lines[0] == "dev-box (i-1), instance in platform-dev, of team checkout"
    assert "• 2026-11-16 09:00 UTC aws.stop_instances: done" in lines
    assert "   approved by U_OPS at 2026-11-16 09:00 UTC (yes) and U_TWO at 2026-11-16 09:00 UTC" in lines
    assert not [line for line in lines if "<" in line or "`" in line]


def test_what_runs_without_asking_names_its_standing_approval() -> None:
    deed = replace(DONE, approved_by=(), standing="standing-1")
    assert "   approved by the standing approval standing-1" in list(why.plain(replace(ANSWER, done=(deed,))))


def test_what_is_only_planned_says_so_and_from_when() -> None:
    deed = replace(DONE, state="approved", changes=(), undo=None, not_before=NOW)
    said = oracle.read(why.draw([replace(ANSWER, done=(), waiting=(deed,), keeps=(), team=None)])[1])
    assert "of no team" in said
    assert f"Planned: Stop idle development instances (approved, not before {kit.moment(NOW)})" in said
    assert "No run has touched it." in said


def test_who_keeps_it_is_mentioned_in_the_reason_of_a_skip() -> None:
    skipped = Change("i-1", "aws.stop_instances", "skipped", NOW, kept_by("U_ANN", NOW, PING))
    _, blocks = why.draw([replace(ANSWER, done=(replace(DONE, changes=(skipped,)),))])
    (words,) = oracle.words(blocks)
    assert "(kept by <@U_ANN> until" in words
    assert "<@U_BOSS>" not in words


def test_things_of_one_name_are_told_apart_up_to_a_number() -> None:
    text, blocks = why.draw([replace(ANSWER, resource=f"i-{n}") for n in range(9)])
    oracle.message(text, blocks)
    assert "… and 6 more of this name" in oracle.read(blocks)


@settings(max_examples=25, deadline=None)
@given(NAMES)
def test_no_name_and_no_reason_pings_anybody(name: str) -> None:
    keep = replace(KEPT, reason=name, override_reason=name)
    deed = replace(DONE, title=name, reason=name, changes=(Change(name, "a.b", "done", NOW, name),))
    thing = Answer(name, name, name, "instance", name, (deed,) * 4, (deed,) * 4, (keep,) * 4)
    text, blocks = why.draw([thing] * 4)
    oracle.message(text, blocks)
    for words in oracle.words(blocks):
        bare = words.replace("<!date^", "").replace("<@U_", "")
        assert not [ping for ping in ("<!", "<#", "<@", "<http") if ping in bare]

"""A restored database in Slack: its card, the modal, and the word of two people, by signed requests."""

import json
from pathlib import Path

import pytest

from bot.blocks import recovery as card
from bot.render import render
from flows import recovery
from flows.recovery import View
from storage import recovery as memory
from storage import tables
from tests.bot.blocks import oracle, samples
from tests.bot.listeners.talking import Office, clock, errors_of

WHY = {"reason": "compared the accounts"}


@pytest.fixture
def found(office: Office) -> tables.Recovery:
    """What is noticed where this machine saw more of the log than there is, and a plan waits."""
    home: Path = office.desk.lake.home
    with office.desk.store.reading() as session:
        memory.remember(session, home, clock())
    seen = json.loads((home / memory.FILE).read_text())
    seen["head"] |= {"seq": 1_009, "hash": "f" * 64}
    (home / memory.FILE).write_text(json.dumps(seen))
    row = recovery.examine(office.desk, clock())
    assert row is not None
    return row


def drawn(office: Office, key: str) -> str:
    message = next(one for one in office.messages() if one.template == "recovery")
    shown = render(office.desk, message, clock())
    assert message.subject == key
    oracle.message(shown.text, shown.blocks)
    return f"{shown.text}\n{oracle.read(shown.blocks)}\n{oracle.buttons(shown.blocks)}"


@pytest.mark.case("T44")
def test_two_people_resume_it_from_the_card_which_shows_who_did(
    office: Office, found: tables.Recovery
) -> None:
    posts = [one for one in office.messages() if one.template == "recovery"]
    assert {one.channel for one in posts} == {"C_ONCALL", "C_FINANCE"}
    before = drawn(office, found.id)
    for part in (
        "Restored database: nothing acts until two people resume it",
        "This database looks restored from an old copy: its audit log ends at row",
        f"*Missing:* {1_009 - found.fork['found']['seq']:,} rows",
        "*Void, and to be asked for anew if still wanted:*\n• Stop idle",
        f"('Resume…', '{found.id}')",
    ):
        assert part in before
    office.click("U_OPS", "recovery.ask", found.id)
    assert "recovery.submit" in str(office.slack.of("views.open")[-1]["view"])
    oracle.view(office.slack.of("views.open")[-1]["view"])
    assert errors_of(office.submit("U_OPS", "recovery.submit", found.id, WHY)) == {}
    assert "*A second person has to resume it.*" in drawn(office, found.id)
    assert "<@U_OPS>: compared the accounts" in drawn(office, found.id)
    again = errors_of(office.submit("U_OPS", "recovery.submit", found.id, WHY))
    assert again["errors"]["reason"] == "You said so already; a second person has to agree."
    recovery.resume(office.desk, actor="U_FIN", reason="looked too", now=clock())  # as the command does
    after = drawn(office, found.id)
    assert "*Resumed.*" in after
    assert "<@U_FIN>: looked too" in after
    assert "Resume…" not in after
    assert ("recovery.refuse", "U_OPS") in office.events()
    updates = [one for one in office.messages() if (one.kind, one.template) == ("update", "recovery")]
    assert {one.surface for one in updates} == {one.surface for one in posts}


def test_who_approves_nothing_and_who_says_nothing_resumes_nothing(
    office: Office, found: tables.Recovery
) -> None:
    for person, values, said in (
        ("U_OUT", WHY, "Only an approver or somebody of finance"),
        ("U_OPS", {"reason": " "}, "Say what you looked at"),
    ):
        answer = errors_of(office.submit(person, "recovery.submit", found.id, values))
        assert said in answer["errors"]["reason"]
    answer = errors_of(office.submit("U_OPS", "recovery.submit", "recovery-earlier", WHY))
    assert "waits no more" in answer["errors"]["reason"]
    assert office.row(tables.Recovery, found.id).first is None


def test_a_card_with_much_to_look_at_says_the_first_of_it_and_how_many_more(found: tables.Recovery) -> None:
    looks = [(f"{samples.PING} box-{number}", f"{samples.PING} unknown") for number in range(11)]
    shown = View(found, void=["Stop it"] * 9, under_way=2, looks=looks, said=[])
    text, blocks = card.draw(shown)
    oracle.message(text, blocks)
    said = oracle.read(blocks)
    assert "*Under way in the copy:* 2 runs, being looked at" in said
    assert "… and 3 more" in said
    assert "<!channel>" not in json.dumps(blocks)


def test_a_card_of_what_nobody_can_prove_does_not_say_that_it_is_old(found: tables.Recovery) -> None:
    found.fork = {**found.fork, "seen": None}
    found.reason = "the newest checkpoint in s3://kept counts row 9, but no key that is known here signed it"
    said = oracle.read(card.draw(View(found, [], 0, [], []))[1])
    assert "Nobody can tell whether this database is an old copy: the newest checkpoint in s3://kept" in said
    assert "*Missing:*" not in said

"""The first four scenes: digests, the anomaly, a claim and two disputes."""

import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

from spend import money
from spend.ledger import Entry
from spend.period import Period
from storage import tables
from tests.story.books import billed, effective
from tests.story.company import ADA, BEN, FAY, FINANCE, OTTO, OWNER, TEAM_CHANNEL, TITLE
from tests.story.driver import Said, until
from tests.story.told import Story, dollars

WEEK = timedelta(days=7)
#: How far the notice's amount may be from what was planted: its "usual" is an estimate.
OFF_BY = Decimal("0.2")
#: A ruling is carried out to the twentieth decimal of each entry.
ROUNDED = Decimal("1e-15")
PERCENT = "Percent that goes to the proposed team"
ARCHIVE, RAW = "larkspur-clickstream-archive", "larkspur-clickstream-raw"


def digest_of(story: Story, team: str) -> Said:
    """The digest of a team in its channel."""
    return story.only(TEAM_CHANNEL[team], f"{TITLE[team]}: cloud spend")


def digests(story: Story) -> None:
    """Scene 1: each team reads its Monday digest in its own channel."""
    for team in TEAM_CHANNEL:
        said = digest_of(story, team)
        assert len(said.blocks) <= 12
        assert len(said.words) <= 3000
        assert 0 < len(said.text) <= 110
        _digest_adds_up(story, team, said)
        chart = next(block for block in said.blocks if block["type"] == "image")
        assert "spend per day" in chart["alt_text"]
        for phrase in ("Budget $", "by its end", "Complete through", "EffectiveCost", "Nobody owns"):
            assert phrase in said.words
        assert re.search(r"\*[1-9][0-9]* open findings?:\*", said.words)
        assert "*2 waiting for approval:*" in said.words
        assert said.offers("charge.claim")
        story.thread(said, "How this is counted")


def _digest_adds_up(story: Story, team: str, said: Said) -> None:
    """The total is the ledger's; movers and everything else are the change, to the cent."""
    row = next(row for row in story.books.all_of(tables.Digest) if row.team == team)
    week = Period(row.week, row.week + WEEK)
    total = money.cents(effective(story.books.standing(team, week)))
    line = next(block["text"]["text"] for block in said.blocks if block["type"] == "section")
    shown = dollars(line.splitlines()[0])
    assert shown[0] == total
    before = money.cents(effective(story.books.standing(team, week.before())))
    change = shown[1] if len(shown) > 1 else Decimal(0)
    assert abs(change - (total - before)) <= Decimal("0.01")
    movers = [
        dollars(block["text"]["text"])[0]
        for block in said.blocks
        if block.get("accessory", {}).get("action_id") == "charge.dispute"
    ]
    rest, whole = dollars(
        next(line for line in said.words.splitlines() if line.startswith("Everything else"))
    )
    assert len(movers) == 3
    assert sum(movers) + rest == whole == change


def anomaly(story: Story) -> None:
    """Scene 2: what is not as expected is told to its owner once, and answered in place."""
    planted = story.stage.world.anomaly
    notices = [said for channel in TEAM_CHANNEL.values() for said in story.said(channel, "above expected")]
    if planted is None:
        assert not notices
        assert not story.said(FINANCE, "above expected")
        return
    (notice,) = notices
    assert notice.channel == TEAM_CHANNEL[planted.team]
    assert any(service in notice.words for service in planted.services)
    assert f"since {planted.start.day} {planted.start:%b}" in notice.words
    assert "What explains it:" in notice.words
    told = dollars(notice.words)[0]
    assert abs(told - planted.excess) <= planted.excess * OFF_BY
    explained = [dollars(line)[0] for line in notice.words.splitlines() if line.startswith("• ")]
    assert sum(explained) == told
    _answered(story, notice, OWNER[planted.team])


def _answered(story: Story, notice: Said, owner: str) -> None:
    sentence = "Only the owners of this charge answer for it"
    story.refused(OTTO, notice, notice.button("finding.expected"), sentence)
    story.refused(owner, notice, notice.button("finding.act"), "No runbook acts on this kind of finding yet")
    story.slack.press(owner, notice, notice.button("finding.investigating"))
    notice = story.reads(notice, "is looking into it")
    assert not notice.offers("finding.investigating")
    if story.stage.world.seed % 3:
        story.slack.press(owner, notice, notice.button("finding.not_mine"))
        notice = story.reads(notice, "says that this is not theirs")
        story.only(FINANCE, "says that this is not theirs")
    else:
        story.slack.press(owner, notice, notice.button("finding.expected"))
        notice = story.reads(notice, "says that this is expected")
    assert not notice.buttons


def claim(story: Story) -> None:
    """Scene 3: a charge without an owner is claimed in two clicks; the books follow it exactly."""
    said = digest_of(story, "checkout")
    shown = [block for block in said.blocks if block.get("accessory", {}).get("action_id") == "charge.claim"]
    nth = next(n for n, block in enumerate(shown) if RAW in block["text"]["text"])
    button = said.button("charge.claim", nth)
    story.slack.press(OTTO, said, button)
    story.modal(OTTO, "Only an owner of a team can claim a charge")
    story.slack.close(OTTO)
    was = story.books.standing()
    mine, nobodys = _direct(was, "checkout"), _direct(was, None)
    story.slack.press(ADA, said, button)
    modal = story.modal(ADA, "In all:")
    assert "The same service and account also has, owned by nobody" in modal.words
    assert ARCHIVE in modal.words
    assert story.slack.submit(ADA, {}) == []
    told = story.only(FINANCE, "Nobody owned it before")
    assert "Amazon Simple Storage Service" in told.words
    (row,) = story.books.all_of(tables.Ownership)
    assert (row.team, row.claimed_by, row.valid_to) == ("checkout", ADA, None)
    assert row.resource.endswith(RAW)
    assert row.valid_from.day == 1
    until(lambda: story.books.done("allocate", row.id), "the claim in the ledger")
    _claim_counts(story, was, mine, nobodys)
    assert story.books.events(row.id) == ["claim.make"]
    story.slack.press(BEN, digest_of(story, "search"), digest_of(story, "search").button("charge.claim", nth))
    story.modal(BEN, "In all:")
    assert "checkout claimed this already" in story.slack.submit(BEN, {})[0]
    story.slack.close(BEN)


def _direct(entries: list[Entry], team: str | None) -> list[Entry]:
    return [entry for entry in entries if entry.team == team and entry.method == "direct"]


def _claim_counts(story: Story, was: list[Entry], mine: list[Entry], nobodys: list[Entry]) -> None:
    """What checkout bears more nobody bears less; the whole stays the bill; the next digest counts it."""
    now = story.books.standing()
    taken = money.minus(effective(_direct(now, "checkout")), effective(mine))
    assert taken > 0
    assert taken == money.minus(effective(nobodys), effective(_direct(now, None)))
    assert (effective(now), billed(now)) == (effective(was), billed(was))
    row = next(row for row in story.books.all_of(tables.Digest) if row.team == "checkout")
    next_one = story.books.told("digest", "checkout", "--week", row.week.isoformat())
    week = Period(row.week, row.week + WEEK)
    counted = effective(entry for entry in now if entry.team == "checkout" and entry.day in week)
    assert Decimal(next_one["figures"][0]["total"]) == money.cents(counted)
    assert money.cents(counted) > Decimal(row.figures["figures"][0]["total"])
    assert RAW not in str(next_one["unowned"])
    assert ARCHIVE in str(next_one["unowned"])


def disputes(story: Story) -> None:
    """Scene 4: two charges are disputed; finance rules, the openers cannot, the books balance."""
    said = digest_of(story, "checkout")
    first = _dispute(story, said, ADA, "It is a test of search.", "search", nth=0)
    _may_not_rule(story, first, ADA)
    if story.can("number_input"):
        _ruled(story, first, "split it: 40 %", Decimal(40), lambda: _split(story, first))
    else:
        reject = first.button("dispute.reject")
        _ruled(story, first, "rejected it", Decimal(0), lambda: story.slack.press(FAY, first, reject))
    said = digest_of(story, "search")
    second = _dispute(story, said, BEN, "Checkout asked for it.", "checkout", nth=2)
    _may_not_rule(story, second, BEN)
    uphold = second.button("dispute.uphold")
    _ruled(story, second, "upheld it", Decimal(100), lambda: story.slack.press(FAY, second, uphold))
    story.refused(FAY, second, second.button("dispute.reject"), "This dispute is already upheld")


def _dispute(story: Story, said: Said, person: str, why: str, whose: str, *, nth: int) -> Said:
    """Dispute the nth charge of a digest; the first message of its finance thread."""
    button = said.button("charge.dispute", nth)
    stranger = BEN if person == ADA else ADA
    story.slack.press(stranger, said, button)
    story.modal(stranger, "Only an owner of")
    story.slack.close(stranger)
    if nth and story.can("message_shortcut"):
        story.slack.shortcut(person, said, "dispute_message")
        charge = _option(story.modal(person, "Which charge is not yours?"), nth)
        assert story.slack.submit(person, {"Which charge is not yours?": charge}) == []
    else:
        story.slack.press(person, said, button)
    modal = story.modal(person, "It is charged to you by the rule")
    assert "In all:" in modal.words
    assert story.slack.submit(person, {"Whose is it?": TITLE[whose], "Why is it not yours?": why}) == []
    opened = story.only(FINANCE, why)
    for phrase in ("A charge is disputed", "Charged by the rule", TITLE[whose], "BilledCost"):
        assert phrase in opened.words
    team = "search" if whose == "checkout" else "checkout"
    story.only(TEAM_CHANNEL[team], f"disputed a charge of {team}")
    return opened


def _option(modal: Said, nth: int) -> str:
    element = next(block["element"] for block in modal.blocks if block["type"] == "input")
    return str(element["options"][nth]["text"]["text"])


def _may_not_rule(story: Story, opened: Said, opener: str) -> None:
    story.refused(opener, opened, opened.button("dispute.uphold"), "You opened this dispute")
    story.refused(OTTO, opened, opened.button("dispute.reject"), "Only finance rules on disputes")


def _split(story: Story, opened: Said) -> None:
    story.slack.press(FAY, opened, opened.button("dispute.split"))
    story.modal(FAY, PERCENT)
    assert story.slack.submit(FAY, {PERCENT: "40"}) == []


def _ruled(story: Story, opened: Said, words: str, share: Decimal, rule: Callable[[], None]) -> None:
    """The ruling is told everywhere, and the ledger follows it to the last digit."""
    was = story.books.standing()
    rule()
    opened = story.reads(opened, "Settled.")
    assert words in opened.words
    assert not opened.buttons
    assert words in story.thread(opened, "is settled").words
    for channel in TEAM_CHANNEL.values():
        until(lambda channel=channel: story.said(channel, words), f"{words!r} in {channel}")  # type: ignore[misc]
    dispute = next(row for row in story.books.all_of(tables.Dispute) if row.id in opened.words)
    written, now = story.books.of_dispute(dispute.id), story.books.standing()
    assert not effective(written)
    assert not billed(written)
    assert bool(written) == bool(share)
    moved = money.minus(_borne(was, dispute.team), _borne(now, dispute.team))
    assert moved == money.minus(_borne(now, dispute.proposed_team), _borne(was, dispute.proposed_team))
    assert abs(moved - dispute.effective * share / 100) < ROUNDED
    assert (effective(now), billed(now)) == (effective(was), billed(was))
    events = story.books.events(dispute.id)
    assert events[0] == "dispute.open"
    assert "dispute.resolve" in events
    assert ("ledger.reverse" in events) == bool(share)


def _borne(entries: list[Entry], team: str) -> Decimal:
    return effective(entry for entry in entries if entry.team == team)

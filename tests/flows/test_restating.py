"""A published digest whose week changed gets a reply in its thread, once, with what changed it."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from flows import allocating, claims, digests, disputes, evidence, ingestion, restating, spending
from spend.digest import Digest
from spend.errors import NotFound
from spend.money import cents
from spend.period import Period
from spend.restatement import Change, Restatement, Threshold, Why
from storage import tables
from storage.lake import Lake, import_files
from storage.pins import RESTATED, pinned
from storage.work import SnapshotState
from tests.flows.world import ANN, BILL, FIN, WEEK, Company, charge
from tests.storage.lake import bills

#: A day of the week that was told gets dearer by twenty dollars.
LATE = charge(WEEK.start, "20", billed="19", team="web", service="Amazon EC2", resource="i-web", name="shop")
NEXT = Period(WEEK.end, WEEK.end + timedelta(days=7))


def restated(company: Company, *more: dict[str, str], bill: list[dict[str, str]] = BILL) -> None:
    """A newer delivery of the bill comes a day later."""
    company.clock.turn(hours=24)
    company.bill([*bill, *more], forced=True)


def replies(company: Company, digest: str) -> list[Restatement]:
    """What the thread of a digest is told, as the messages have it."""
    rows = [one for one in company.messages("post") if one.template == "digest_restated"]
    for one in rows:
        assert (one.channel, one.thread) == ("C_WEB", f"digest:{one.subject}")
    mine = [Restatement.from_data(one.args) for one in rows if one.subject == digest]
    entries = [one["after"] for one in company.entries(digest) if one["event"] == RESTATED]
    assert [one.to_data() for one in mine] == entries
    return mine


def dollars(restatement: Restatement) -> Change:
    (found,) = [one for one in restatement.changes if one.currency == "USD"]
    return found


def team_total(company: Company, as_of: str | None = None) -> Decimal:
    """What web paid for the week, as the command line tells it."""
    found = spending.costs(
        company.desk, by=("team",), where={"team": "web"}, start=WEEK.start, end=WEEK.end, as_of=as_of
    )
    (row,) = found.rows
    amount: Decimal = row["effective_cost"]
    return amount


def bill_total(company: Company, as_of: str | None = None) -> Decimal:
    (row,) = [one for one in spending.costs(company.desk, as_of=as_of).totals if one["currency"] == "USD"]
    amount: Decimal = row["effective_cost"]
    return amount


def test_a_newer_delivery_is_told_in_the_thread_of_the_digest_it_changed(billed: Company) -> None:
    key, digest = billed.digest()
    with billed.store.reading() as session:
        (before,) = session.query(tables.Snapshot)
    restated(billed, LATE)
    (reply,) = replies(billed, key)
    change = dollars(reply)
    (told_figure,) = digest.figures
    assert (change.old, change.new) == (told_figure.total, told_figure.total + change.change)
    # The shared cluster follows direct costs, so that more of it is web's on that day.
    assert change.change > 20
    assert [one.day for one in change.days] == [WEEK.start]
    assert change.days[0].change == change.change
    (cause,) = change.causes
    assert (cause.kind, cause.former, cause.source, cause.account) == (
        Why.DELIVERY, before.id, "focus", "1001",
    )  # fmt: skip
    assert cause.amount == change.change
    assert cause.subject in reply.now.snapshots
    assert cause.at == billed.now


def test_one_state_is_told_once_and_a_later_change_is_compared_with_what_was_told_last(
    billed_on_sqlite: Company,
) -> None:
    billed = billed_on_sqlite
    key, digest = billed.digest()
    restated(billed, LATE)
    for _ in range(2):
        restating.look(billed.desk, billed.now)
    restated(billed, LATE)  # the same again
    assert len(replies(billed, key)) == 1
    restated(billed, LATE, {**LATE, "EffectiveCost": "5"})
    first, second = replies(billed, key)
    assert dollars(second).old == dollars(first).new
    assert second.since == first.now.at
    # Back to what the digest said: that is a change of what was told last.
    restated(billed)
    assert dollars(replies(billed, key)[-1]).new == digest.figures[0].total


def test_what_an_interrupted_import_changed_is_told_once_by_workers_that_look_at_once(
    billed: Company,
) -> None:
    key, _ = billed.digest()
    allocated_only(billed, LATE)
    assert replies(billed, key) == []
    looks = [threading.Thread(target=restating.tell, args=(billed.desk, billed.now)) for _ in range(3)]
    for look in looks:
        look.start()
    for look in looks:
        look.join()
    assert len(replies(billed, key)) == 1


def allocated_only(company: Company, *more: dict[str, str]) -> None:
    """An import that dies before it tells anybody."""
    company.clock.turn(hours=24)
    file = bills.write(company.home / "in" / "bill.csv", bills.text([*BILL, *more]))
    import_files(
        company.desk.lake, company.store, [file], source=None, promoted=company.desk.org.promoted_tags,
        actor=FIN, now=company.now, progress=bills.quiet,
    )  # fmt: skip
    allocating.reallocate(company.desk, company.now)


def ruled(company: Company, key: str, digest: Digest) -> None:
    moves = [move for figure in digest.figures for move in figure.moves]
    item = next(number for number, move in enumerate(moves) if "shop" in move.name)
    args = {"digest": key, "item": item, "actor": ANN, "reason": "no", "proposed_team": "data"}
    row = evidence.open_dispute(company.desk, "dispute-1", args, company.now)
    assert row is not None
    disputes.rule(company.desk, row.id, ruling="uphold", share=None, actor=FIN, now=company.now)


def claimed(company: Company, key: str, digest: Digest) -> None:
    item = next(number for number, one in enumerate(digest.unowned) if one.resource == "bucket-x")
    claims.claim(company.desk, key, item, wide=False, actor=ANN, now=company.now)
    allocating.reallocate(company.desk, company.now)


def reruled(company: Company, _key: str, _digest: Digest) -> None:
    company.with_org(aliases={"data": "web"}, shared=())
    allocating.reallocate(company.desk, company.now)


WAYS: dict[Why, tuple[Callable[[Company, str, Digest], None], str]] = {
    Why.RULING: (ruled, "-86.42"),
    Why.CLAIM: (claimed, "35.00"),
    Why.RULES: (reruled, ""),
}


@pytest.mark.parametrize("why", WAYS)
def test_rulings_claims_and_rules_are_told_as_what_they_are(billed_on_sqlite: Company, why: Why) -> None:
    company = billed_on_sqlite
    key, digest = company.digest()
    way, amount = WAYS[why]
    company.clock.turn(hours=1)
    way(company, key, digest)
    restating.look(company.desk, company.now)
    change = dollars(replies(company, key)[0])
    (cause,) = [one for one in change.causes if one.kind is why]
    assert not amount or cause.amount == Decimal(amount)
    assert sum(one.amount for one in change.causes) == change.change
    others = {one.kind for one in change.causes} - {why}
    assert others <= {Why.SHARED}  # what a team bears decides its share of the cluster


def test_the_next_digest_says_that_the_thread_knows(billed_on_sqlite: Company) -> None:
    company = billed_on_sqlite
    company.with_org(restatement=Threshold(Decimal(3), Decimal(0)))
    company.digest()
    restated(company, LATE)
    (corrected,) = digests.build(company.desk, "web", NEXT, company.now).corrections
    assert corrected.reason == "its thread says why"
    small = {**LATE, "EffectiveCost": "2"}  # too little for the thread
    restated(company, LATE, small)
    (corrected,) = digests.build(company.desk, "web", NEXT, company.now).corrections
    assert corrected.reason == "bills, claims or rulings since its digest"


def test_every_published_figure_is_reproduced_to_the_last_digit(billed: Company) -> None:
    key, digest = billed.digest()
    published = {"team": team_total(billed), "bill": bill_total(billed)}
    assert digest.figures[0].total == published["team"].quantize(Decimal("0.01"))
    sent = billed.now
    with billed.store.reading() as session:
        (first,) = session.query(tables.Snapshot)
    restated(billed, LATE)
    billed.clock.turn(hours=1)
    ruled(billed, key, digest)
    restating.look(billed.desk, billed.now)
    assert team_total(billed) != published["team"]
    assert bill_total(billed) == published["bill"] + 20
    for as_of in (key, first.id, first.id[:-3], sent.isoformat(), f"{sent:%Y-%m-%d}"):
        assert {"team": team_total(billed, as_of), "bill": bill_total(billed, as_of)} == published
    shown = digests.sent(billed.desk, key, team=None, week=None)
    assert shown.digest == digest
    assert shown.reply == replies(billed, key)[-1]
    assert digests.sent(billed.desk, f"{billed.now:%Y-%m-%d}", team="web", week=WEEK).id == key
    assert spending.costs(billed.desk, as_of=key).to_data()["as_of"]["snapshots"] == [first.id]
    with billed.store.reading() as session:
        assert first.id in pinned(session)


def test_what_an_import_writes_after_a_digest_counts_from_after_it(billed_on_sqlite: Company) -> None:
    billed = billed_on_sqlite
    # The import began before the digest was published, and ends after it.
    key, _ = billed.digest()
    published = team_total(billed)
    bill = bills.write(billed.home / "in" / "bill.csv", bills.text([*BILL, LATE]))
    before = billed.now - timedelta(hours=1)
    ingestion.bring_in(billed.desk, [bill], source=None, actor=FIN, now=before)
    assert team_total(billed) > published
    assert team_total(billed, as_of=key) == published
    billed.clock.turn(hours=1)
    assert len(replies(billed, key)) == 1


class Busy(Lake):
    """A lake into which a newer delivery comes while it is read for the first time."""

    company: Company | None = None

    def paths(self, snapshot_ids: Sequence[str]) -> list[Path]:
        """The files, as ever."""
        found = super().paths(snapshot_ids)
        if (company := self.company) is not None:
            self.company = None
            company.bill([*BILL, LATE])
        return found


def test_a_digest_whose_bill_changes_while_it_is_built_is_built_again(billed: Company) -> None:
    lake = Busy(billed.home)
    lake.company, billed.desk = billed, replace(billed.desk, lake=lake)
    key, digest = billed.digest()
    assert lake.company is None
    assert digest.figures[0].total == cents(team_total(billed)) > 125
    restating.look(billed.desk, billed.now)
    assert replies(billed, key) == []


def test_what_means_nothing_is_one_sentence(billed_on_sqlite: Company) -> None:
    restated(billed_on_sqlite, LATE)
    for as_of, sentence in {
        "digest-nowhere": "There is no digest and no snapshot 'digest-nowhere'",
        "snap": "Several ids begin with 'snap'",
        "sn": "There is no digest and no snapshot 'sn'",
        "2026-13-01": "'2026-13-01' is no moment",
        "2020-01-01": "There was no bill at 2020-01-01 23:59 UTC: the first one came 2026-",
    }.items():
        with pytest.raises(NotFound, match=sentence):
            spending.costs(billed_on_sqlite.desk, as_of=as_of)


def test_a_snapshot_whose_line_items_are_gone_still_tells_what_teams_paid(billed_on_sqlite: Company) -> None:
    company = billed_on_sqlite
    published = team_total(company)
    with company.store.reading() as session:
        (first,) = session.query(tables.Snapshot)
    restated(company, LATE)
    with company.store.writing(company.now) as unit:
        unit.move(unit.get(tables.Snapshot, first.id), SnapshotState.COLLECTED)
    with pytest.raises(NotFound, match=f"The line items of {first.id} are gone"):
        bill_total(company, first.id)
    assert team_total(company, first.id) == published

"""Claiming what nobody owns: a dated rule, a ledger that follows, the next digest, and giving back."""

import threading
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from flows import allocating, claims, digests, evidence
from spend.digest import Digest
from spend.errors import BursarError, Conflict, NotFound, Refused
from spend.period import Period
from storage import tables
from storage.store import Store
from tests.actions.world import ACCOUNT
from tests.databases import Database
from tests.flows.world import ANN, BEN, BILL, FIN, JUNE, OUT, WEEK, Company, daily
from tests.storage.lake import bills

NEXT = Period(WEEK.end, WEEK.end + timedelta(days=7))
#: Where the digest lists each charge without an owner: the dearest first.
BUCKET_X, LAMBDA, BUCKET_Y = range(3)


def claim(
    company: Company, digest: str, item: int = BUCKET_X, *, wide: bool = False, actor: str = ANN
) -> tables.Ownership:
    return claims.claim(company.desk, digest, item, wide=wide, actor=actor, now=company.now)


def reallocate(company: Company) -> int:
    return allocating.reallocate(company.desk, company.now)


def owned(company: Company, day: date, team: str | None) -> set[tuple[str | None, Decimal, str]]:
    from storage import ledger

    with company.store.reading() as session:
        found = ledger.standing(session, period=Period(day, day + timedelta(days=1)))
    return {(entry.service, entry.effective, entry.rule) for entry in found if entry.team == team}


def test_the_digest_lists_what_nobody_owns_the_dearest_first(billed: Company) -> None:
    _, digest = billed.digest()
    assert [(one.service, one.resource, one.amount, one.currency) for one in digest.unowned] == [
        ("Amazon S3", "bucket-x", Decimal("35.00"), "USD"),
        ("AWS Lambda", None, Decimal("14.00"), "USD"),
        ("Amazon S3", "bucket-y", Decimal("7.00"), "USD"),
    ]


def test_a_claim_is_a_dated_rule_of_which_finance_and_the_log_know(billed: Company) -> None:
    digest, _ = billed.digest()
    row = claim(billed, digest)
    assert (row.state, row.team, row.account, row.service, row.resource) == (
        "active", "web", ACCOUNT, "Amazon S3", "bucket-x",
    )  # fmt: skip
    assert (row.valid_from, row.valid_to, row.claimed_by) == (date(2026, 6, 1), None, ANN)
    (entry,) = billed.entries(row.id)
    assert (entry["event"], entry["actor"]) == ("claim.make", ANN)
    assert entry["after"] == {
        "team": "web",
        "account": ACCOUNT,
        "service": "Amazon S3",
        "resource": "bucket-x",
        "valid_from": "2026-06-01",
    }
    assert billed.told("C_FIN") == [("claim", row.id)]
    assert [job.key for job in billed.jobs("allocate")] == [row.id]


def test_the_ledger_follows_a_claim_and_still_adds_up(billed: Company) -> None:
    digest, _ = billed.digest()
    before, web, nobody = billed.ledger(), billed.ledger("web"), billed.ledger(unowned=True)
    row = claim(billed, digest)
    assert billed.ledger("web") == web
    assert reallocate(billed) > 0
    assert billed.ledger() == before
    assert nobody["USD"][0] - billed.ledger(unowned=True)["USD"][0] == 16 * 5
    # A dearer team bears more of the shared cluster, so that the whole is more than the bucket.
    assert billed.ledger("web")["USD"][0] - web["USD"][0] > 16 * 5
    day = date(2026, 6, 10)
    assert ("Amazon S3", Decimal(5), f"claim:{row.id}") in owned(billed, day, "web")
    assert ("Amazon S3", Decimal(1), "unallocated") in owned(billed, day, None)
    assert reallocate(billed) == 0


def test_the_next_digest_counts_what_was_claimed_and_lists_it_no_more(billed: Company) -> None:
    digest, first = billed.digest()
    claim(billed, digest)
    reallocate(billed)
    again = digests.build(billed.desk, "web", WEEK, billed.now)
    assert [one.resource for one in again.unowned] == [None, "bucket-y"]
    assert again.figures[0].total > first.figures[0].total + 34
    (correction,) = digests.build(billed.desk, "web", NEXT, billed.now).corrections
    assert correction.currency == "USD"
    assert correction.amount == again.figures[0].total - first.figures[0].total


def test_a_wide_claim_takes_the_service_in_its_account_and_nothing_that_has_an_owner(billed: Company) -> None:
    digest, _ = billed.digest()
    data = billed.ledger("data")["USD"][0]
    row = claim(billed, digest, wide=True)
    assert row.resource is None
    reallocate(billed)
    day = date(2026, 6, 10)
    assert owned(billed, day, None) == {("AWS Lambda", Decimal(2), "unallocated")}
    assert ("Amazon S3", Decimal(6), f"claim:{row.id}") in owned(billed, day, "web")
    assert ("Amazon S3", Decimal(3), "tag") in owned(billed, day, "web")
    assert billed.ledger("data")["USD"][0] < data


def test_what_a_claim_would_take_is_shown_first(billed: Company) -> None:
    digest, _ = billed.digest()
    shown = evidence.of_claim(billed.desk, digest, BUCKET_X)
    assert (shown["account"], shown["service"], shown["resource"]) == ("shop-dev", "Amazon S3", "bucket-x")
    assert (shown["amount"], shown["currency"]) == ("35", "USD")
    assert shown["also"] == [{"resource": "bucket-y", "amount": "7"}]


def test_the_look_is_queued_for_a_worker_who_fills_the_open_view(billed: Company) -> None:
    digest, _ = billed.digest()
    claims.ask(billed.desk, digest, BUCKET_Y, actor=ANN, view="V1", now=billed.now)
    (job,) = billed.jobs("claim.preview")
    evidence.fill_claim(billed.desk, job.args, billed.now)
    (view,) = billed.messages("view")
    assert (view.template, view.surface, view.person) == ("claim_view", "V1", ANN)
    assert view.args["resource"] == "bucket-y"
    assert view.args["error"] is None
    evidence.fill_claim(billed.desk, {**job.args, "item": 99}, billed.now)
    (view,) = billed.messages("view")
    assert "no such line" in view.args["error"]
    (entry,) = [one for one in billed.entries(digest) if one["event"] == "report.view"]
    assert (entry["actor"], entry["after"]) == (ANN, {"view": "claim_view", "item": BUCKET_Y})


@pytest.mark.parametrize(
    "ask",
    [
        lambda company, digest: claim(company, digest, actor=OUT),
        lambda company, digest: claims.ask(
            company.desk, digest, BUCKET_X, actor=OUT, view="V", now=company.now
        ),
    ],
)
def test_who_owns_no_team_claims_nothing(billed: Company, ask: Callable[[Company, str], Any]) -> None:
    digest, _ = billed.digest()
    with pytest.raises(Refused, match="Only an owner of a team"):
        ask(billed, digest)
    assert billed.jobs("claim.preview") == []
    assert billed.told("C_FIN") == []


def test_an_owner_of_another_team_claims_for_the_own_one(billed: Company) -> None:
    digest, _ = billed.digest("web")
    assert claim(billed, digest, actor=BEN).team == "data"


@pytest.mark.parametrize("item", [3, -1])
def test_a_line_that_is_not_in_the_digest_cannot_be_claimed(billed: Company, item: int) -> None:
    digest, _ = billed.digest()
    with pytest.raises(NotFound, match="no such line"):
        claim(billed, digest, item)
    with pytest.raises(NotFound, match="not known any more"):
        claim(billed, "digest-x")


def test_what_was_claimed_cannot_be_claimed_again(billed: Company) -> None:
    digest, _ = billed.digest()
    first = claim(billed, digest)
    for actor in (ANN, BEN):
        with pytest.raises(Refused, match="web claimed this already"):
            claim(billed, digest, actor=actor)
    claim(billed, digest, BUCKET_Y, actor=BEN)
    # What is left of the service may still be taken; it takes neither bucket.
    assert claim(billed, digest, wide=True).id != first.id
    with pytest.raises(Refused, match="claimed this already"):
        claim(billed, digest, wide=True, actor=BEN)


def test_of_two_claims_at_the_same_instant_one_holds(billed: Company) -> None:
    digest, _ = billed.digest()
    stores, start = [Store(billed.store.url) for _ in range(2)], threading.Barrier(2)
    said: list[str | BursarError] = []

    def press(store: Store, actor: str) -> None:
        own = Company(store, billed.home)
        start.wait(10)
        try:
            said.append(claim(own, digest, actor=actor).team)
        except Refused as refusal:
            said.append(refusal)

    threads = [threading.Thread(target=press, args=pair) for pair in zip(stores, (ANN, BEN), strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    winners = [one for one in said if isinstance(one, str)]
    assert len(winners) == 1
    assert [f"{winners[0]} claimed this already" in str(one) for one in said if one not in winners] == [True]
    for store in stores:
        store.close()


def test_a_released_claim_keeps_the_days_it_held_for(billed: Company) -> None:
    digest, _ = billed.digest()
    before = billed.ledger()
    row = claim(billed, digest)
    reallocate(billed)
    billed.clock.turn(days=-3)  # the bill tells days after the release, too
    claims.release(billed.desk, row.id, actor=ANN, now=billed.now)
    assert [job.key for job in billed.jobs("allocate")] == [row.id, f"{row.id} released"]
    reallocate(billed)
    s3 = ("Amazon S3", Decimal(5), f"claim:{row.id}")
    assert s3 in owned(billed, date(2026, 6, 13), "web")
    assert s3 not in owned(billed, date(2026, 6, 14), "web")
    assert ("Amazon S3", Decimal(6), "unallocated") in owned(billed, date(2026, 6, 14), None)
    assert billed.ledger() == before
    assert billed.events(row.id) == ["claim.make", "claim.release"]
    with pytest.raises(Conflict):
        claims.release(billed.desk, row.id, actor=ANN, now=billed.now)


def test_a_claim_is_released_by_its_team_or_by_finance_and_can_then_be_made_by_another(
    billed: Company,
) -> None:
    digest, _ = billed.digest()
    row = claim(billed, digest)
    for person in (OUT, BEN):
        with pytest.raises(Refused, match="Only an owner of web"):
            claims.release(billed.desk, row.id, actor=person, now=billed.now)
    claims.release(billed.desk, row.id, actor=FIN, now=billed.now)
    assert billed.messages("post")[-1].thread == f"claim:{row.id}"
    billed.clock.turn(minutes=1)
    other = claim(billed, digest, actor=BEN)
    reallocate(billed)
    # Web's claim ruled until today, and the first that was made decides.
    assert ("Amazon S3", Decimal(5), f"claim:{row.id}") in owned(billed, date(2026, 6, 10), "web")
    billed.bill([*BILL, *daily({Period(JUNE.end, JUNE.end + timedelta(days=1)): "5"},
                               service="Amazon S3", resource="bucket-x")])  # fmt: skip
    assert ("Amazon S3", Decimal(5), f"claim:{other.id}") in owned(billed, JUNE.end, "data")


def test_a_charge_without_account_and_service_cannot_be_claimed_as_everything(company: Company) -> None:
    company.bill(daily("5", service="", account=""))
    digest, shown = company.digest()
    assert (shown.unowned[0].account, shown.unowned[0].service) == (None, None)
    for wide in (True, False):
        with pytest.raises(Refused, match="would take everything"):
            claim(company, digest, 0, wide=wide)
    assert reallocate(company) == 0


def test_a_ledger_that_another_worker_brought_to_a_newer_bill_is_not_taken_back(billed: Company) -> None:
    from storage import records

    with billed.store.reading() as session:
        (old,) = records.current_snapshots(session)
    billed.bill([*BILL, *daily("7", team="web", service="Amazon SQS", resource="queue")])
    now = billed.ledger()
    # The first worker looked at the lake before the second import, and comes to the ledger only now.
    assert allocating._bring(billed.desk, old.id, [], billed.now) == 0
    assert billed.ledger() == now


def test_two_workers_that_allocate_the_same_bill_write_it_once(company: Company, database: Database) -> None:
    path = bills.write(company.home / "in" / "bill.csv", bills.text(BILL))
    bills.load(company.desk.lake, company.store, path)
    stores, start = [Store(database.url), Store(database.url)], threading.Barrier(2)

    def work(store: Store) -> None:
        own = Company(store, company.home)
        start.wait(10)
        allocating.reallocate(own.desk, own.now)

    threads = [threading.Thread(target=work, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    dollars = [Decimal(row["EffectiveCost"]) for row in BILL if "BillingCurrency" not in row]
    assert company.ledger()["USD"][0] == sum(dollars)
    for store in stores:
        store.close()


def test_a_digest_reads_back_as_it_was_published(billed: Company) -> None:
    digest, shown = billed.digest()
    with billed.store.reading() as session:
        row = session.get(tables.Digest, digest)
        assert row is not None
        assert Digest.from_data(row.figures) == shown

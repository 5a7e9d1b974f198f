"""A dispute keeps what it was opened on; a ruling moves what the ledger has of that charge today."""

from decimal import Decimal
from typing import Any

import pytest

from bot.jobs import HANDLERS
from flows import disputes, evidence, following, restating
from spend.dispute import AtStake, DisputeState
from spend.errors import Refused
from storage import tables
from storage.pins import pinned
from tests.flows.test_disputes import SHOP, SHOP_BILLED, digest_of, moved, opened, place, rule, sums
from tests.flows.test_restating import allocated_only, restated
from tests.flows.world import BEFORE, BILL, FIN, JUNE, SINCE, Company, daily

TWO = daily("1.005", team="web", service="Amazon EC2", resource="i-two", name="two")
DEARER = daily("0.5", team="web", service="Amazon EC2", resource="i-web", name="shop")
WITHOUT = [row for row in BILL if row["ResourceId"] != "i-web"]


def row_of(company: Company, key: str = "dispute-1") -> tables.Dispute:
    with company.store.reading() as session:
        row = session.get(tables.Dispute, key)
        assert row is not None
        return row


def in_thread(company: Company) -> list[dict[str, Any]]:
    rows = [one for one in company.messages("post") if one.template == "dispute_restated"]
    assert all((one.channel, one.thread) == ("C_FIN", "dispute:dispute-1") for one in rows)
    return [one.args for one in rows]


def uphold(company: Company, key: str = "dispute-1", *, shown: int = 0) -> tables.Dispute:
    return disputes.rule(
        company.desk, key, ruling="uphold", share=None, shown=shown, actor=FIN, now=company.now
    )


def test_a_charge_whose_line_was_rewritten_is_ruled_on_as_it_was(billed_on_sqlite: Company) -> None:
    billed = billed_on_sqlite
    was = opened(billed)
    restated(billed, *TWO)
    before, whole = sums(billed), billed.ledger()
    assert AtStake.of(row_of(billed).selection).entries != was.selection["entries"]
    assert (in_thread(billed), "dispute.restate" in billed.events("dispute-1")) == ([], True)
    uphold(billed)
    assert billed.ledger() == whole
    assert moved(billed, before) == {"web": (-SHOP, -SHOP_BILLED), "data": (SHOP, SHOP_BILLED)}


def test_a_charge_that_was_restated_is_ruled_on_as_finance_reads_it_now(billed: Company) -> None:
    was = opened(billed)
    restated(billed, *DEARER)
    row, new = row_of(billed), SHOP + 7 * Decimal("0.5")
    # What it was opened on stays: its evidence and both totals, pinned with their snapshot.
    kept = ("lines", "entries", "snapshots", "effective")
    assert [row.selection[name] for name in kept] == [was.selection[name] for name in kept]
    assert (row.effective, AtStake.of(row.selection).effective) == (SHOP, new)
    with billed.store.reading() as session:
        assert pinned(session) >= {*was.selection["snapshots"], *AtStake.of(row.selection).snapshots}
    (told,) = in_thread(billed)
    assert (Decimal(told["old"]["effective"]), Decimal(told["new"]["effective"])) == (SHOP, new)
    with pytest.raises(Refused, match=r"this charge is 89\.92 USD now\. Look at it again"):
        uphold(billed)
    before, whole = sums(billed), billed.ledger()
    uphold(billed, shown=1)
    assert billed.ledger() == whole
    assert moved(billed, before)["data"][0] == new
    # A repeated look has nothing more to say.
    restating.look(billed.desk, billed.now)
    assert len(in_thread(billed)) == 1


def test_a_charge_that_is_gone_moves_nothing_until_it_is_back(billed_on_sqlite: Company) -> None:
    company = billed_on_sqlite
    opened(company)
    restated(company, bill=WITHOUT)
    assert AtStake.of(row_of(company).selection).effective == 0
    restated(company)
    assert [Decimal(one["new"]["effective"]) for one in in_thread(company)] == [0, SHOP]
    restated(company, bill=WITHOUT)
    before = sums(company)
    assert uphold(company, shown=3).state == DisputeState.UPHELD
    assert moved(company, before) == {}


def test_of_two_disputes_on_one_line_the_second_is_ruled_on_after_the_first(on_sqlite: Company) -> None:
    company = on_sqlite
    amounts = {BEFORE: "90", SINCE: "100"}
    company.bill([*BILL, *daily(amounts, team="web", service="Amazon EC2", resource="i-two", name="two")])
    opened(company)
    (job,) = company.jobs("dispute.open")
    args = {**job.args, "item": place(digest_of(company), "two")}
    other = evidence.open_dispute(company.desk, "dispute-2", args, company.now)
    assert other is not None
    company.clock.turn(minutes=5)
    uphold(company)
    assert [job.key for job in company.jobs("restate")] == ["dispute-1"]
    with pytest.raises(Refused, match="press once more in a minute"):
        uphold(company, "dispute-2")
    for job in company.jobs("restate"):
        HANDLERS["restate"](company.desk, job, company.now)
    before, whole = sums(company), company.ledger()
    uphold(company, "dispute-2")
    assert company.ledger() == whole
    assert moved(company, before)["data"] == (other.effective, other.billed)


def test_a_restatement_of_a_moment_ago_is_looked_at_before_it_is_ruled_on(billed_on_sqlite: Company) -> None:
    company = billed_on_sqlite
    opened(company)
    allocated_only(company, *TWO)
    with pytest.raises(Refused, match="press once more in a minute"):
        uphold(company)
    assert rule(company, "reject").state == DisputeState.REJECTED
    following.follow(company.desk, company.now)
    assert "dispute.restate" not in company.events("dispute-1")


def test_a_share_of_a_shared_cluster_follows_the_costs_that_split_it(on_sqlite: Company) -> None:
    company = on_sqlite
    cluster = daily({JUNE: "90"}, shared="yes", service="Amazon EC2", resource="cluster-2")
    company.bill([*BILL, *cluster])
    was = opened(company, "share of platform", proposed="data")
    restated(company, *cluster, *TWO)
    now = AtStake.of(row_of(company).selection).effective
    assert now > was.effective
    before, whole = sums(company), company.ledger()
    uphold(company, shown=1)
    assert company.ledger() == whole
    assert moved(company, before)["data"][0] == now

"""Disputing a charge: frozen evidence, a ruling by somebody else, and a ledger that balances exactly."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from flows import disputes, evidence
from spend.digest import Digest, Move
from spend.dispute import DisputeState
from spend.errors import Conflict, NotFound, Refused
from spend.ledger import balanced
from storage import ledger, tables
from tests.flows.world import AMY, ANN, BEFORE, BEN, BILL, FAY, FIN, JUNE, OUT, SINCE, Company, daily

#: i-web in the week of the digest: 7 days at 12.345, billed at 11.
SHOP, SHOP_BILLED = Decimal("86.415"), Decimal(77)


def place(digest: Digest, name: str) -> int:
    moves: list[Move] = [move for figure in digest.figures for move in figure.moves]
    return next(number for number, move in enumerate(moves) if name in move.name)


def opened(
    company: Company,
    name: str = "shop",
    *,
    proposed: str | None = "data",
    actor: str = ANN,
    team: str = "web",
) -> tables.Dispute:
    """A dispute about a line of the newest digest, opened as a worker does."""
    key, digest = company.digest(team)
    disputes.open_one(
        company.desk, key, place(digest, name), reason=" not ours ", proposed_team=proposed, actor=actor,
        now=company.now,
    )  # fmt: skip
    (job,) = company.jobs("dispute.open")
    row = evidence.open_dispute(company.desk, "dispute-1", job.args, company.now)
    assert row is not None
    return row


def rule(company: Company, ruling: str, share: str | None = None, *, actor: str = FIN) -> tables.Dispute:
    part = None if share is None else Decimal(share)
    return disputes.rule(company.desk, "dispute-1", ruling=ruling, share=part, actor=actor, now=company.now)


def sums(company: Company) -> dict[str | None, tuple[Decimal, Decimal]]:
    """What each team bears in dollars, on both bases."""
    found: dict[str | None, tuple[Decimal, Decimal]] = {None: company.ledger(unowned=True)["USD"]}
    return found | {team: company.ledger(team)["USD"] for team in ("web", "data")}


def moved(company: Company, before: dict[str | None, tuple[Decimal, Decimal]]) -> dict[str | None, Any]:
    after = sums(company)
    return {
        team: (after[team][0] - before[team][0], after[team][1] - before[team][1])
        for team in before
        if after[team] != before[team]
    }


def test_a_dispute_freezes_the_lines_their_rule_and_both_totals(billed: Company) -> None:
    row = opened(billed)
    assert (row.state, row.team, row.opened_by, row.reason) == ("open", "web", ANN, "not ours")
    assert (row.effective, row.billed, row.currency, row.rule) == (SHOP, SHOP_BILLED, "USD", "tag")
    shown = row.selection
    assert len(shown["entries"]) == 7
    assert [line["resource"] for line in shown["lines"]] == ["shop"]
    assert Decimal(shown["lines"][0]["amount"]) == SHOP
    assert len(shown["snapshots"]) == 1
    (entry,) = billed.entries(row.id)
    assert (entry["event"], entry["actor"], entry["reason"]) == ("dispute.open", ANN, "not ours")
    assert ("dispute", row.id) in billed.told("C_FIN")
    assert "disputed a charge of web" in billed.told("C_WEB")[-1][1]


def test_a_repeated_job_opens_no_second_dispute(billed: Company) -> None:
    row = opened(billed)
    (job,) = billed.jobs("dispute.open")
    again = evidence.open_dispute(billed.desk, row.id, job.args, billed.now)
    assert again is not None
    assert again.id == row.id
    assert billed.events(row.id) == ["dispute.open"]
    assert billed.told("C_FIN").count(("dispute", row.id)) == 1


def test_an_upheld_charge_moves_to_the_named_team_and_the_total_stays(billed: Company) -> None:
    opened(billed)
    total, before = billed.ledger(), sums(billed)
    row = rule(billed, "uphold")
    assert row.state == DisputeState.UPHELD
    assert billed.ledger() == total
    assert moved(billed, before) == {"web": (-SHOP, -SHOP_BILLED), "data": (SHOP, SHOP_BILLED)}
    with billed.store.reading() as session:
        written = ledger.of_dispute(session, row.id)
    assert balanced(written)
    assert len([entry for entry in written if entry.reverses]) == 7
    assert billed.events(row.id) == ["dispute.open", "ledger.reverse", "dispute.resolve"]
    assert billed.entries(row.id)[-1]["after"] == {"kind": "uphold", "share": None, "to": "data"}


def test_a_charge_upheld_for_nobody_has_no_owner_afterwards(billed: Company) -> None:
    opened(billed, proposed=None)
    before = sums(billed)
    rule(billed, "uphold")
    assert moved(billed, before) == {"web": (-SHOP, -SHOP_BILLED), None: (SHOP, SHOP_BILLED)}


@pytest.mark.parametrize("share", ["33", "0.000001", "99.99"])
def test_a_split_charge_is_shared_to_the_last_digit(billed: Company, share: str) -> None:
    opened(billed)
    total, before = billed.ledger(), sums(billed)
    row = rule(billed, "split", share)
    assert row.state == DisputeState.SPLIT
    assert billed.ledger() == total
    found = moved(billed, before)
    assert set(found) == {"web", "data"}
    for basis, whole in ((0, SHOP), (1, SHOP_BILLED)):
        assert found["web"][basis] == -found["data"][basis]
        # Each day is split by itself, down to 1e-20.
        assert abs(found["data"][basis] - whole * Decimal(share) / 100) < Decimal("1e-18")


def test_a_rejected_dispute_moves_nothing(billed: Company) -> None:
    opened(billed)
    before = sums(billed)
    assert rule(billed, "reject").state == DisputeState.REJECTED
    assert moved(billed, before) == {}
    assert billed.events("dispute-1") == ["dispute.open", "dispute.resolve"]


def test_a_part_of_a_ledger_line_moves_alone(company: Company) -> None:
    other = daily("1.005", team="web", service="Amazon EC2", resource="i-two", name="two")
    company.bill([*BILL, *other])
    opened(company)
    total, before = company.ledger(), sums(company)
    rule(company, "uphold")
    assert company.ledger() == total
    assert moved(company, before) == {"web": (-SHOP, -SHOP_BILLED), "data": (SHOP, SHOP_BILLED)}


def test_both_teams_the_thread_and_the_card_are_told_of_a_ruling(billed: Company) -> None:
    row = opened(billed)
    rule(billed, "uphold")
    ruled = [one for one in billed.messages("post") if one.template == "dispute_ruled"]
    assert [(one.channel, one.thread) for one in ruled] == [
        ("C_FIN", f"dispute:{row.id}"), ("C_WEB", None), ("C_DATA", None),
    ]  # fmt: skip
    assert [one.surface for one in billed.messages("update")] == [f"dispute:{row.id}"]


@pytest.mark.parametrize(
    ("actor", "sentence"),
    [(ANN, "You opened this dispute"), (AMY, "Only finance rules"), (OUT, "Only finance rules")],
)
def test_neither_the_opener_nor_anybody_outside_finance_rules(
    billed: Company, actor: str, sentence: str
) -> None:
    opened(billed)
    before = sums(billed)
    with pytest.raises(Refused, match=sentence):
        rule(billed, "uphold", actor=actor)
    assert moved(billed, before) == {}
    assert billed.events("dispute-1") == ["dispute.open"]


def test_an_opener_who_is_of_finance_leaves_the_ruling_to_a_colleague(billed: Company) -> None:
    opened(billed, "db-data", proposed="web", actor=FAY, team="data")
    with pytest.raises(Refused, match="somebody else in finance"):
        rule(billed, "reject", actor=FAY)
    assert rule(billed, "reject").state == DisputeState.REJECTED


def test_finance_rules_once(billed: Company) -> None:
    opened(billed)
    rule(billed, "uphold")
    before = sums(billed)
    with pytest.raises(Conflict, match="already upheld"):
        rule(billed, "reject", actor=FAY)
    assert moved(billed, before) == {}


@pytest.mark.parametrize("share", [None, "0", "100", "-5", "101"])
def test_a_split_needs_a_share_between_nothing_and_all(billed_on_sqlite: Company, share: str | None) -> None:
    opened(billed_on_sqlite)
    with pytest.raises(Refused, match="above 0 and below 100"):
        rule(billed_on_sqlite, "split", share)


def test_a_dispute_is_withdrawn_by_its_opener_alone(billed: Company) -> None:
    opened(billed)
    before = sums(billed)
    for person in (AMY, FIN):
        with pytest.raises(Refused, match="Only who opened"):
            disputes.withdraw(billed.desk, "dispute-1", actor=person, now=billed.now)
    row = disputes.withdraw(billed.desk, "dispute-1", actor=ANN, now=billed.now)
    assert row.state == DisputeState.WITHDRAWN
    assert moved(billed, before) == {}
    with pytest.raises(Conflict, match="already withdrawn"):
        rule(billed, "uphold")
    with pytest.raises(Conflict):
        disputes.withdraw(billed.desk, "dispute-1", actor=ANN, now=billed.now)


def test_a_ruling_survives_a_restated_bill(billed: Company) -> None:
    opened(billed)
    rule(billed, "uphold")
    before = sums(billed)
    late = daily("0.5", team="web", service="Amazon EC2", resource="i-web", name="shop")
    billed.bill([*BILL, *late])
    after = billed.ledger()
    dollars = [Decimal(row["EffectiveCost"]) for row in [*BILL, *late] if "BillingCurrency" not in row]
    assert after["USD"][0] == sum(dollars)
    # The disputed week stays with data; web bears what came later. The shared cluster shifts with the costs.
    with billed.store.reading() as session:
        ruled = [
            entry for entry in ledger.standing(session, team="data") if entry.method == "dispute:dispute-1"
        ]
    assert sum(entry.effective for entry in ruled) == SHOP
    assert before["web"][0] < sums(billed)["web"][0]


def test_a_share_of_a_shared_cluster_can_be_disputed(company: Company) -> None:
    # The cluster is what moved most, so that the digest names web's share of it.
    company.bill([*BILL, *daily({JUNE: "90"}, shared="yes", service="Amazon EC2", resource="cluster-2")])
    row = opened(company, "share of platform", proposed="data")
    assert row.rule == "platform, split by the teams' direct cost"
    assert len(row.selection["entries"]) == 7
    total, before = company.ledger(), sums(company)
    rule(company, "uphold")
    assert company.ledger() == total
    assert moved(company, before) == {
        "web": (-row.effective, -row.billed),
        "data": (row.effective, row.billed),
    }


def ask(company: Company, **changes: Any) -> None:
    key, digest = company.digest()
    usual: dict[str, Any] = {"reason": "not ours", "proposed_team": "data", "actor": ANN, "now": company.now}
    disputes.open_one(company.desk, key, place(digest, "shop"), **{**usual, **changes})


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"actor": BEN}, "Only an owner of web"),
        ({"actor": OUT}, "Only an owner of web"),
        ({"reason": "  "}, "Say why"),
        ({"proposed_team": "web"}, "this team's already"),
    ],
)
def test_a_dispute_needs_an_owner_a_reason_and_another_team(
    billed_on_sqlite: Company, changes: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(Refused, match=sentence):
        ask(billed_on_sqlite, **changes)
    assert billed_on_sqlite.jobs("dispute.open") == []


def test_a_dispute_names_a_team_and_a_line_that_exist(billed_on_sqlite: Company) -> None:
    with pytest.raises(NotFound, match="no team 'ops'"):
        ask(billed_on_sqlite, proposed_team="ops")
    with pytest.raises(NotFound, match="digest is not known"):
        disputes.ask(billed_on_sqlite.desk, "x", 0, actor=ANN, view="V", now=billed_on_sqlite.now)


def test_the_look_at_a_charge_fills_the_open_view_with_its_lines(billed_on_sqlite: Company) -> None:
    company = billed_on_sqlite
    key, digest = company.digest()
    with pytest.raises(Refused):
        disputes.ask(company.desk, key, place(digest, "shop"), actor=BEN, view="V1", now=company.now)
    disputes.ask(company.desk, key, place(digest, "shop"), actor=ANN, view="V1", now=company.now)
    (job,) = company.jobs("dispute.preview")
    evidence.fill_dispute(company.desk, job.args, company.now)
    (view,) = company.messages("view")
    assert (view.template, view.surface, view.person) == ("dispute_view", "V1", ANN)
    assert Decimal(view.args["effective"]) == SHOP
    assert view.args["teams"] == ["data"]
    assert "entries" not in view.args
    (entry,) = [one for one in company.entries(key) if one["event"] == "report.view"]
    assert (entry["actor"], entry["after"]["view"]) == (ANN, "dispute_view")


def test_a_charge_that_is_gone_from_the_ledger_is_refused_to_the_opener_alone(billed: Company) -> None:
    key, digest = billed.digest()
    item = place(digest, "shop")
    billed.bill([row for row in BILL if row["ResourceId"] != "i-web"])
    billed.clock.turn(minutes=1)
    args = {"digest": key, "item": item, "actor": ANN, "reason": "no", "proposed_team": None}
    assert evidence.open_dispute(billed.desk, "dispute-1", args, billed.now) is None
    (whisper,) = billed.messages("ephemeral")
    assert (whisper.channel, whisper.person) == ("C_WEB", ANN)
    assert "not this team's any more" in whisper.args["text"]
    assert "dispute" not in dict(billed.told("C_FIN"))


ways: list[Callable[[Company], Any]] = [
    lambda company: rule(company, "uphold"),
    lambda company: rule(company, "split", "40"),
]


@pytest.mark.parametrize("way", ways)
def test_a_charge_that_was_ruled_away_cannot_be_disputed_again(
    company: Company, way: Callable[[Company], Any]
) -> None:
    other = daily(
        {BEFORE: "90", SINCE: "100"}, team="web", service="Amazon EC2", resource="i-two", name="two"
    )
    company.bill([*BILL, *other])
    opened(company)
    way(company)
    (job,) = company.jobs("dispute.open")
    assert evidence.open_dispute(company.desk, "dispute-2", job.args, company.now) is None
    assert "its ruling stands" in company.messages("ephemeral")[-1].args["text"]
    # What stood beside it on the same line of the ledger can still be disputed, and moves alone.
    args = {**job.args, "item": place(digest_of(company), "two")}
    beside = evidence.open_dispute(company.desk, "dispute-3", args, company.now)
    assert beside is not None
    assert beside.effective == 700
    total, before = company.ledger(), sums(company)
    disputes.rule(company.desk, beside.id, ruling="uphold", share=None, actor=FIN, now=company.now)
    assert company.ledger() == total
    assert moved(company, before)["data"] == (700, 700)


def digest_of(company: Company) -> Digest:
    with company.store.reading() as session:
        (row,) = session.query(tables.Digest)
        return Digest.from_data(row.figures)


def test_a_charge_that_waits_for_a_ruling_is_not_disputed_twice(billed: Company) -> None:
    opened(billed)
    (job,) = billed.jobs("dispute.open")
    args = {**job.args, "actor": AMY}
    assert evidence.open_dispute(billed.desk, "dispute-2", args, billed.now) is None
    (whisper,) = billed.messages("ephemeral")
    assert (whisper.person, whisper.args["text"]) == (
        AMY, f"<@{ANN}> disputed this charge before; wait for finance.",
    )  # fmt: skip
    disputes.withdraw(billed.desk, "dispute-1", actor=ANN, now=billed.now)
    assert evidence.open_dispute(billed.desk, "dispute-2", args, billed.now) is not None

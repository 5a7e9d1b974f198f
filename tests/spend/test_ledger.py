"""Whatever is ruled or restated, no money is made or lost."""

from collections import defaultdict
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spend.charge import CORRECTION
from spend.dispute import DisputeState
from spend.ledger import (
    Amounts,
    Entry,
    Portion,
    Ruling,
    balance,
    balanced,
    divided,
    rejected,
    restate,
    reverse,
    rule_on,
    standing,
    upheld,
)
from spend.money import total
from spend.period import DAY
from tests.spend.samples import START, amounts, entry, teams

owners = st.none() | teams
shares = st.dictionaries(
    owners, st.decimals(min_value=0, max_value=100, places=4), min_size=1, max_size=4
).filter(lambda weights: any(weights.values()))


@st.composite
def portions(draw: st.DrawFn) -> list[Portion]:
    """Some entries, each disputed whole or in part."""
    found = []
    for n in range(draw(st.integers(1, 5))):
        currency = draw(st.sampled_from(["USD", "EUR"]))
        whole = replace(
            entry(f"e{n}", draw(owners), currency=currency), effective=draw(amounts), billed=draw(amounts)
        )
        asked = Amounts(whole.effective, whole.billed)
        found.append(Portion(whole, asked if draw(st.booleans()) else Amounts(draw(amounts), draw(amounts))))
    return found


def by_team(entries: list[Entry]) -> dict[str | None, Decimal]:
    sums: dict[str | None, Decimal] = defaultdict(Decimal)
    for line in entries:
        sums[line.team] = total([sums[line.team], line.effective])
    return {team: amount for team, amount in sums.items() if amount}


@given(portions(), shares)
def test_a_split_ruling_adds_up_to_zero_per_origin_currency_and_basis(
    selection: list[Portion], weights: dict[str | None, Decimal]
) -> None:
    written = rule_on(selection, divided(weights), dispute="d1")
    assert balanced(written)
    assert len({line.id for line in written}) == len(written)


@given(portions(), owners)
def test_an_upheld_dispute_moves_exactly_the_disputed_amount(
    selection: list[Portion], to: str | None
) -> None:
    written = rule_on(selection, upheld(to), dispute="d1")
    moved = [line for line in written if line.rule == "dispute:d1"]
    assert balanced(written)
    assert all(line.team == to for line in moved)
    assert total(line.billed for line in moved) == total(p.amounts.billed for p in selection)


@given(portions())
def test_a_rejected_dispute_writes_nothing(selection: list[Portion]) -> None:
    assert rule_on(selection, rejected(), dispute="d1") == []


def test_a_ruling_on_part_of_an_entry_leaves_the_rest_with_its_team() -> None:
    part = Portion(entry("e", "checkout", "100"), Amounts(Decimal(30), Decimal(20)))
    written = rule_on([part], upheld("search"), dispute="d1")
    assert [(line.team, int(line.effective), int(line.billed)) for line in written] == [
        ("checkout", -100, -100),
        ("checkout", 70, 80),
        ("search", 30, 20),
    ]
    assert [line.method for line in written] == ["reversal", "direct", "dispute:d1"]
    assert written[0].reverses == "e"


def test_thirds_of_a_cent_are_split_to_the_last_digit() -> None:
    whole = entry("e", "checkout", "0.01")
    weights = dict.fromkeys(["checkout", "search", None], Decimal(1))
    written = rule_on([Portion(whole, Amounts(whole.effective, whole.billed))], divided(weights), dispute="d")
    assert balance(written) == {("origin of e", "USD"): Amounts(Decimal(0), Decimal(0))}
    parts = [line.effective for line in written if line.rule == "dispute:d"]
    assert sorted(parts) == [Decimal("0.00333333333333333333")] * 2 + [Decimal("0.00333333333333333334")]


def test_a_credit_is_disputed_like_a_charge() -> None:
    credit = entry("e", "checkout", "-5", category="Credit")
    written = rule_on([Portion(credit, Amounts(Decimal(-5), Decimal(-5)))], upheld("search"), dispute="d")
    assert by_team(written) == {"checkout": 5, "search": -5}


def test_an_entry_cannot_be_selected_twice() -> None:
    part = Portion(entry("e"), Amounts(Decimal(1), Decimal(1)))
    with pytest.raises(ValueError, match="once only"):
        rule_on([part, part], upheld(None), dispute="d")


def test_an_amount_finer_than_the_ledger_keeps_is_refused() -> None:
    with pytest.raises(ValueError, match="20 decimals"):
        Portion(entry("e"), Amounts(Decimal("1E-21"), Decimal(0)))


def test_shares_that_give_it_to_nobody_at_all_are_refused() -> None:
    part = Portion(entry("e"), Amounts(Decimal(1), Decimal(1)))
    with pytest.raises(ValueError, match="at least one above zero"):
        rule_on([part], Ruling(DisputeState.SPLIT, {"search": Decimal(0)}), dispute="d")


def test_a_closed_period_is_corrected_in_the_open_one() -> None:
    whole = entry("e", "checkout", "10")
    open_day = START + 40 * DAY
    part = Portion(whole, Amounts(Decimal(10), Decimal(10)))
    written = rule_on([part], upheld("search"), dispute="d", day=open_day)
    assert {(line.day, line.charge_class) for line in written} == {(open_day, CORRECTION)}
    assert balanced(written)


def test_carrying_out_a_ruling_twice_writes_the_same_entries() -> None:
    part = Portion(entry("e"), Amounts(Decimal(1), Decimal(1)))
    assert rule_on([part], upheld("a"), dispute="d") == rule_on([part], upheld("a"), dispute="d")


def test_what_stands_is_neither_a_reversal_nor_reversed() -> None:
    first, second = entry("e1"), entry("e2")
    assert standing([first, second, reverse(first)]) == [second]


@given(amounts)
def test_an_entry_and_its_reversal_balance(amount: Decimal) -> None:
    line = entry("e", amount=str(amount))
    assert balanced([line, reverse(line)])
    assert balanced([line]) is (amount == 0)


bills = st.dictionaries(st.tuples(teams, st.sampled_from(["Amazon EC2", "Amazon S3"])), amounts, max_size=6)


def bill(lines: dict[tuple[str, str], Decimal], snapshot: str) -> list[Entry]:
    return [
        entry(f"{snapshot} {team} {service}", team, str(amount), service=service, snapshot=snapshot)
        for (team, service), amount in lines.items()
    ]


@given(bills, bills, bills)
def test_after_two_restatements_the_ledger_says_what_the_last_bill_says(
    first: dict[tuple[str, str], Decimal],
    second: dict[tuple[str, str], Decimal],
    third: dict[tuple[str, str], Decimal],
) -> None:
    book = bill(first, "1")
    for name, lines in (("2", second), ("3", third)):
        fresh = bill(lines, name)
        book += restate(book, fresh)
        assert by_team(book) == by_team(fresh)
        assert len({line.id for line in book}) == len(book)


@given(bills, bills, st.data())
def test_a_restatement_keeps_what_a_ruling_moved(
    first: dict[tuple[str, str], Decimal], second: dict[tuple[str, str], Decimal], data: st.DataObject
) -> None:
    book = bill(first, "1")
    chosen = data.draw(st.lists(st.sampled_from(book), unique_by=lambda line: line.id)) if book else []
    selection = [Portion(line, Amounts(line.effective, line.billed)) for line in chosen]
    ruled = rule_on(selection, upheld("platform"), dispute="d")
    fresh = bill(second, "2")
    after = [*book, *ruled, *restate([*book, *ruled], fresh)]
    assert by_team(after) == by_team([*fresh, *ruled])
    assert [line for line in standing(after) if line.rule == "dispute:d"] == [
        line for line in ruled if line.rule == "dispute:d"
    ]


def test_a_bill_that_did_not_change_is_not_touched() -> None:
    book = bill({("search", "Amazon EC2"): Decimal(3)}, "1")
    assert restate(book, bill({("search", "Amazon EC2"): Decimal(3)}, "2")) == []


def test_a_changed_line_is_reversed_and_written_anew() -> None:
    book = bill({("search", "Amazon EC2"): Decimal(3)}, "1")
    fresh = bill({("search", "Amazon EC2"): Decimal(4)}, "2")
    assert restate(book, fresh) == [reverse(book[0]), fresh[0]]

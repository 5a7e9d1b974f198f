"""The ledger: lines are added and reversed, never edited, and money survives the trip to the last digit."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from spend.ledger import Entry, reverse
from spend.period import Period
from storage import ledger
from storage.columns import Money, Utc
from storage.store import Store

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MARCH = Period(date(2026, 3, 1), date(2026, 4, 1))


def entry(key: str, amount: str, *, team: str | None = "search", day: date = date(2026, 3, 1)) -> Entry:
    return Entry(
        id=key,
        day=day,
        source="focus",
        billing_account="b",
        account="1",
        service="Amazon S3",
        category="Usage",
        charge_class=None,
        rule="tag",
        team=team,
        currency="USD",
        effective=Decimal(amount),
        billed=Decimal(amount),
        method="direct",
        origin="o1",
        snapshot="s1",
    )


def test_what_was_reversed_no_longer_stands(store: Store) -> None:
    first, second = entry("e1", "10"), entry("e2", "2.00000000000000000001")
    with store.writing(NOON) as unit:
        ledger.post(unit, [first, second])
    with store.writing(NOON) as unit:
        ledger.post(unit, [reverse(first), entry("e3", "10", team="checkout")])
    with store.reading() as session:
        assert ledger.standing(session, team="search") == [second]
        assert {item.team for item in ledger.standing(session, period=MARCH)} == {"search", "checkout"}
        assert ledger.standing(session, period=MARCH.before()) == []
        assert ledger.standing(session, keys=["e1", "e2"]) == [second]
        assert len(ledger.of_snapshots(session, ["s1"])) == 4


def test_an_entry_cannot_be_reversed_twice(store: Store) -> None:
    first = entry("e1", "10")
    with store.writing(NOON) as unit:
        ledger.post(unit, [first, reverse(first)])
    with pytest.raises(IntegrityError), store.writing(NOON) as unit:
        ledger.post(unit, [replace(reverse(first), id="another name")])


def test_entries_without_an_owner_can_be_asked_for(store: Store) -> None:
    with store.writing(NOON) as unit:
        ledger.post(unit, [entry("e1", "10"), entry("e2", "7", team=None)])
    with store.reading() as session:
        assert [item.id for item in ledger.standing(session, unowned=True)] == ["e2"]


@given(st.decimals(min_value=-(10**17), max_value=10**17, places=20, allow_nan=False))
def test_money_reads_back_as_it_was_written_on_sqlite(amount: Decimal) -> None:
    from sqlalchemy.dialects import sqlite

    column, dialect = Money(), sqlite.dialect()
    assert column.process_result_value(column.process_bind_param(amount, dialect), dialect) == amount


@pytest.mark.case("V16.2.2", "V15.3.5")
def test_money_refuses_floats_and_time_refuses_to_be_naive() -> None:
    from sqlalchemy.dialects import sqlite

    dialect = sqlite.dialect()
    with pytest.raises(TypeError, match="Decimal"):
        Money().process_bind_param(0.1, dialect)
    with pytest.raises(ValueError, match="zone"):
        Utc().process_bind_param(datetime(2026, 3, 2, 12), dialect)  # noqa: DTZ001 - the point of the test

"""What counts as a change that is told, and how its reasons add up to it."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from spend.digest import Spent
from spend.period import Period
from spend.restatement import (
    Cause,
    Change,
    DayChange,
    Restatement,
    Threshold,
    Told,
    Total,
    Why,
    because,
    compare,
)

MON, TUE = date(2026, 6, 8), date(2026, 6, 9)
AT = datetime(2026, 6, 15, 9, tzinfo=UTC)


def told(**days: str) -> Told:
    """What was told of Monday and Tuesday in each currency."""
    amounts = {name: [Decimal(one) for one in text.split()] for name, text in days.items()}
    return Told(
        tuple(Total(name, Decimal(sum(both))) for name, both in amounts.items()),
        tuple(
            Spent(day, name, one)
            for name, both in amounts.items()
            for day, one in zip((MON, TUE), both, strict=True)
        ),
        (),
        AT,
    )


def test_only_what_changed_is_told_apart_by_currency() -> None:
    (usd, chf) = compare(told(EUR="5 5", USD="10 20"), told(EUR="5 5", USD="10 22.50", CHF="0 1"))[::-1]
    assert (usd.currency, usd.old, usd.new, usd.change) == (
        "USD", Decimal(30), Decimal("32.50"), Decimal("2.50"),
    )  # fmt: skip
    assert usd.days == (DayChange(TUE, Decimal(20), Decimal("22.50")),)
    assert (chf.currency, chf.old, chf.new) == ("CHF", Decimal(0), Decimal(1))
    assert compare(told(USD="1 2"), told(USD="1 2")) == ()


@pytest.mark.parametrize(
    ("amount", "percent", "old", "new", "worth_telling"),
    [
        ("1", "1", "50 50", "50 51", False),
        ("1", "1", "50 50", "50 51.01", True),
        ("1", "1", "500 500", "500 509", False),
        ("0", "0", "5 5", "5 5.01", True),
        ("5", "50", "10 10", "20 1", True),  # the days moved by 19, whatever the total did
        ("1", "1", "-500 -500", "-500 -509", False),
    ],
)
def test_a_change_is_told_when_its_days_exceed_the_larger_of_amount_and_percentage(
    amount: str, percent: str, old: str, new: str, worth_telling: bool
) -> None:
    (change,) = compare(told(USD=old), told(USD=new))
    assert Threshold(Decimal(amount), Decimal(percent)).exceeded(change) is worth_telling


def test_reasons_add_up_to_the_change_and_the_largest_takes_what_rounding_leaves() -> None:
    change = Change("USD", Decimal(10), Decimal("10.02"), ())
    parts = [
        (Cause(Why.CLAIM, "c"), MON, Decimal("0.0149")),
        (Cause(Why.RULING, "r"), TUE, Decimal("0.0051")),
    ]
    assert [(one.kind, one.amount) for one in because(change, parts).causes] == [
        (Why.CLAIM, Decimal("0.01")), (Why.RULING, Decimal("0.01")),
    ]  # fmt: skip
    (only,) = because(change, [(Cause(Why.CLAIM, "c"), MON, Decimal("0.0149"))]).causes
    assert only.amount == Decimal("0.02")


def test_what_no_reason_explains_is_a_reason_of_its_own() -> None:
    change = Change("USD", Decimal(10), Decimal(20), ())
    causes = because(change, [(Cause(Why.CLAIM, "c"), MON, Decimal(4))]).causes
    assert [(one.kind, one.amount) for one in causes] == [
        (Why.CLAIM, Decimal(4)), (Why.REST, Decimal(6)),
    ]  # fmt: skip


def test_what_cancels_out_over_the_week_is_still_a_reason() -> None:
    change = Change("USD", Decimal(10), Decimal(10), (DayChange(MON, Decimal(3), Decimal(7)),))
    cause = Cause(Why.DELIVERY, "s")
    (found,) = because(change, [(cause, MON, Decimal(4)), (cause, TUE, Decimal(-4))]).causes
    assert found == cause


def test_a_restatement_is_the_same_after_it_was_stored() -> None:
    changes = tuple(because(one, []) for one in compare(told(USD="1 2"), told(USD="3 2")))
    whole = Restatement("web", Period(MON, TUE), AT, changes, told(USD="3 2"))
    assert Restatement.from_data(whole.to_data()) == whole

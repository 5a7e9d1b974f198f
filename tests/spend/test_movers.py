"""Movers: what is displayed adds up, to the cent."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from spend.money import cents, total
from spend.movers import movers
from tests.spend.samples import amounts

books = st.dictionaries(st.sampled_from("abcdefgh"), amounts, max_size=8)


@given(books, books, st.integers(0, 4))
def test_the_top_and_the_rest_are_the_change(
    now: dict[str, Decimal], before: dict[str, Decimal], limit: int
) -> None:
    found = movers(now, before, limit)
    assert total(mover.change for mover in found.top) + found.other == found.change
    assert found.total - found.before == found.change
    assert (found.total, found.before) == (cents(total(now.values())), cents(total(before.values())))
    assert len(found.top) <= limit


@given(books, books)
def test_each_line_adds_up_and_the_largest_comes_first(
    now: dict[str, Decimal], before: dict[str, Decimal]
) -> None:
    top = movers(now, before, 8).top
    assert all(mover.now - mover.before == mover.change != 0 for mover in top)
    assert [abs(mover.change) for mover in top] == sorted((abs(m.change) for m in top), reverse=True)


@given(books, books)
def test_the_order_of_the_keys_changes_nothing(now: dict[str, Decimal], before: dict[str, Decimal]) -> None:
    assert movers(now, before) == movers(dict(reversed(now.items())), dict(reversed(before.items())))


def test_rounding_goes_to_the_rest() -> None:
    third = Decimal("0.3349")
    found = movers({"a": third, "b": third, "c": third, "d": third}, {})
    assert [str(mover.change) for mover in found.top] == ["0.33", "0.33", "0.33"]
    assert (str(found.change), str(found.other)) == ("1.34", "0.35")


def test_what_went_away_moves_down_and_what_stayed_does_not_move() -> None:
    found = movers({"stays": Decimal(5), "new": Decimal(1)}, {"stays": Decimal(5), "gone": Decimal(9)})
    assert [(mover.key, str(mover.change)) for mover in found.top] == [("gone", "-9.00"), ("new", "1.00")]
    assert found.other == 0


def test_keys_may_be_anything_that_names_a_line() -> None:
    key = ("Amazon EC2", None, "i-1")
    assert movers({key: Decimal(2)}, {}).top[0].key == key

"""Sums and shares are exact, whatever is shared among whomever."""

from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spend.money import QUANTUM, cents, minus, plain, quantize, split, total
from tests.spend.samples import amounts

weights = st.dictionaries(
    st.text(st.characters(codec="ascii", categories=["Ll"]), min_size=1, max_size=3),
    st.decimals(min_value=0, max_value=1_000, places=6),
    min_size=1,
    max_size=6,
).filter(lambda parts: any(parts.values()))


@given(amounts, weights)
def test_the_parts_of_a_split_add_up_to_the_amount_exactly(
    amount: Decimal, parts: dict[str, Decimal]
) -> None:
    assert total(split(amount, parts).values()) == amount


@given(amounts, weights)
def test_no_part_is_off_by_more_than_the_finest_amount(amount: Decimal, parts: dict[str, Decimal]) -> None:
    whole = sum(parts.values())
    with localcontext(prec=120):
        for name, part in split(amount, parts).items():
            assert abs(part - amount * parts[name] / whole) < QUANTUM


@given(amounts, weights)
def test_a_credit_is_split_as_the_mirror_image_of_a_charge(
    amount: Decimal, parts: dict[str, Decimal]
) -> None:
    assert split(-amount, parts) == {name: -part for name, part in split(amount, parts).items()}


@given(amounts, weights)
def test_the_order_in_which_teams_are_named_changes_nothing(
    amount: Decimal, parts: dict[str, Decimal]
) -> None:
    assert split(amount, parts) == split(amount, dict(reversed(parts.items())))


def test_what_rounding_leaves_over_goes_to_the_first_names_when_all_lose_the_same() -> None:
    parts = split(Decimal("0.00000000000000000002"), dict.fromkeys("cab", Decimal(1)))
    assert parts == {"a": QUANTUM, "b": QUANTUM, "c": Decimal(0)}


def test_a_team_of_weight_zero_gets_nothing() -> None:
    assert split(Decimal(10), {"a": Decimal(0), "b": Decimal("0.3")}) == {"a": 0, "b": 10}


@pytest.mark.parametrize(
    "parts", [{}, {"a": Decimal(0)}, {"a": Decimal(-1), "b": Decimal(2)}], ids=["none", "zero", "negative"]
)
def test_weights_that_say_nothing_are_refused(parts: dict[str, Decimal]) -> None:
    with pytest.raises(ValueError, match="at least one above zero"):
        split(Decimal(1), parts)


@given(st.lists(amounts, max_size=20))
def test_a_sum_does_not_depend_on_the_thread_s_decimal_context(lines: list[Decimal]) -> None:
    whole = total(lines)
    with localcontext(prec=3):
        assert total(reversed(lines)) == whole
        assert minus(total(lines), whole) == 0


def test_300_dimes_are_thirty_dollars() -> None:
    assert total([Decimal("0.1")] * 300) == 30


@pytest.mark.parametrize(
    ("amount", "rounded"), [("0.125", "0.12"), ("0.135", "0.14"), ("-0.125", "-0.12"), ("2", "2.00")]
)
def test_cents_are_rounded_half_even(amount: str, rounded: str) -> None:
    assert str(cents(Decimal(amount))) == rounded


def test_the_finest_amount_is_rounded_half_even_too() -> None:
    assert quantize(Decimal("1E-20") / 2) == 0
    assert quantize(Decimal("1.5E-20")) == Decimal("2E-20")


@pytest.mark.parametrize(
    ("amount", "text"),
    [("1E-7", "0.0000001"), ("10", "10"), ("1E+3", "1000"), ("-0.00", "0"), ("1.50", "1.5"), ("-2.0", "-2")],
)
def test_an_amount_is_written_without_exponent_or_trailing_zeros(amount: str, text: str) -> None:
    assert plain(Decimal(amount)) == text


@given(amounts)
def test_what_is_written_is_read_back_the_same(amount: Decimal) -> None:
    assert Decimal(plain(amount)) == amount

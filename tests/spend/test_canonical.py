"""What is hashed has one spelling only."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spend import canonical
from spend.finding import Kind

plain_data = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@dataclass(frozen=True)
class Step:
    target: str
    saving: Decimal


@given(st.dictionaries(st.text(max_size=3), plain_data, max_size=4))
def test_the_order_of_keys_does_not_change_the_hash(data: dict[str, object]) -> None:
    assert canonical.digest(data) == canonical.digest(dict(reversed(data.items())))


def test_an_amount_hashes_the_same_however_many_zeros_it_was_written_with() -> None:
    assert canonical.digest(Decimal("1.50")) == canonical.digest(Decimal("1.5000"))


def test_a_time_hashes_the_same_in_every_zone() -> None:
    noon = datetime(2026, 10, 1, 12, tzinfo=UTC)
    there = noon.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert canonical.text(noon) == canonical.text(there) == '"2026-10-01T12:00:00.000000Z"'


def test_a_record_is_spelled_as_its_fields() -> None:
    step = Step("i-1", Decimal("3.10"))
    assert canonical.text({"step": step, "day": date(2026, 10, 1), "kind": Kind.IDLE, "of": {"b", "a"}}) == (
        '{"day":"2026-10-01","kind":"idle","of":["a","b"],"step":{"saving":"3.1","target":"i-1"}}'
    )


@pytest.mark.parametrize("value", [1.5, object()], ids=["float", "object"])
def test_what_has_no_single_spelling_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="no canonical spelling"):
        canonical.encode([value])


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="without a zone"):
        canonical.encode(datetime(2026, 10, 1))  # noqa: DTZ001 - that is what is refused

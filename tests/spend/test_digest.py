"""A digest is stored as it was told, and fits a push notification."""

import json
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spend import record
from spend.budget import Budget, stand
from spend.charge import Basis
from spend.digest import (
    PUSH,
    Digest,
    Figure,
    FindingBrief,
    Move,
    PlanBrief,
    Restated,
    Spent,
    Unowned,
    push_text,
)
from spend.forecast import Forecast
from spend.period import week_of
from tests.spend.samples import amounts

DAY = date(2026, 10, 12)


def figure(total: str = "1200", before: str = "1000", currency: str = "USD", **more: object) -> Figure:
    now, then = Decimal(total), Decimal(before)
    return Figure(currency, now, then, now - then, **more)  # type: ignore[arg-type]  # named by the test


def digest(*figures: Figure, **more: object) -> Digest:
    plain: dict[str, object] = {
        "team": "checkout",
        "title": "Checkout",
        "week": week_of(DAY),
        "basis": Basis.EFFECTIVE,
        "complete_through": DAY,
        "figures": figures,
    }
    return Digest(**(plain | more))  # type: ignore[arg-type]  # a test names what it means


FULL = digest(
    figure(
        moves=(Move("Amazon EC2 i-1", Decimal(3), Decimal(1), Decimal(2)),),
        other=Decimal(198),
        budget=stand(Budget(Decimal(3000), "USD"), Decimal(2000), Decimal(4000)),
        forecast=Forecast(Decimal(4000), Decimal(3500), Decimal(4500), Decimal(2000)),
    ),
    figure("80.5", "0", "EUR"),
    unowned=(Unowned("c1", "222", "Amazon S3", None, Decimal("1.25"), "USD"),),
    findings=(FindingBrief("f1", "idle", "i-9 idles", DAY, Decimal(30), "USD"),),
    waiting=(PlanBrief("p1", "stop-idle-dev", "Stop 3 instances", 3, Decimal(90), "USD"),),
    corrections=(Restated("USD", Decimal("-0.10"), "newer delivery"),),
    daily=(Spent(DAY, "USD", Decimal("1.5")),),
    snapshots=("s1", "s2"),
)


def test_a_digest_is_read_back_as_it_was_written() -> None:
    stored = json.loads(json.dumps(FULL.to_data()))
    assert Digest.from_data(stored) == FULL
    assert stored["figures"][0]["budget"]["budget"]["amount"] == "3000"


@given(st.lists(st.tuples(amounts, amounts), max_size=4))
def test_amounts_are_stored_as_text_and_lose_nothing(pairs: list[tuple[Decimal, Decimal]]) -> None:
    it = digest(*(figure(str(now), str(then)) for now, then in pairs))
    assert Digest.from_data(json.loads(json.dumps(it.to_data()))) == it


def test_keys_of_a_newer_version_are_left_out_and_missing_ones_are_named() -> None:
    data = FULL.to_data()
    assert Digest.from_data(data | {"mood": "good"}) == FULL
    del data["basis"]
    with pytest.raises(KeyError, match="Digest needs basis"):
        Digest.from_data(data)


def test_a_digest_of_an_older_version_gets_what_came_later_by_default() -> None:
    data = digest().to_data()
    del data["corrections"]
    assert Digest.from_data(data) == digest()


def test_a_type_that_records_do_not_use_is_refused() -> None:
    @dataclass
    class Odd:
        number: float

    with pytest.raises(TypeError, match="records do not hold"):
        record.from_data(Odd, {"number": 1.5})


def test_the_push_text_says_the_most_important_first() -> None:
    parts = push_text(FULL).split(" · ")
    assert parts[0] == "Checkout: USD 1,200 (+20 %) and 1 more currency"
    assert parts[1:] == ["USD over budget", "1 to approve", "1 open", "1 unowned"]


@pytest.mark.parametrize(
    ("it", "text"),
    [
        (digest(), "Checkout: no spend in the week of 2026-10-12"),
        (digest(figure("50", "0")), "Checkout: USD 50 (+50)"),
        (digest(figure("-50", "20")), "Checkout: USD -50 (-70)"),
        (digest(figure("50000", "1")), "Checkout: USD 50,000 (+49,999)"),
        (digest(figure("0.2", "0.2")), "Checkout: USD 0 (+0 %)"),
        (digest(figure("-0.2", "-0.2")), "Checkout: USD 0 (+0)"),
    ],
)
def test_the_push_text_of_unusual_weeks(it: Digest, text: str) -> None:
    assert push_text(it) == text


@given(st.text(min_size=1, max_size=200), amounts, st.integers(0, 500))
def test_the_push_text_is_never_longer_than_a_notification_shows(
    title: str, amount: Decimal, many: int
) -> None:
    figures = tuple(replace(figure(str(amount * 10**9)), currency=name) for name in ("USD", "EUR", "GBP"))
    it = replace(
        FULL, title=title, figures=figures, unowned=FULL.unowned * many, findings=FULL.findings * many
    )
    assert 0 < len(push_text(it)) <= PUSH

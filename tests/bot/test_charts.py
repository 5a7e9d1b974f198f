"""The digest's chart: what it draws, and that its words say the same."""

from decimal import Decimal

from bot import charts
from spend.digest import Digest, Spent
from spend.period import DAY
from tests.bot.blocks.samples import WEEK, digest

PNG = b"\x89PNG\r\n\x1a\n"


def test_the_picture_is_a_png_of_twice_800_by_400() -> None:
    png = charts.digest_png(digest())
    assert png is not None
    assert png.startswith(PNG)
    assert (int.from_bytes(png[16:20]), int.from_bytes(png[20:24])) == (1600, 800)


def test_this_week_has_its_own_colour_and_every_day_its_bar() -> None:
    spec = charts.spec(digest())
    assert spec is not None
    bars = spec["data"]["values"]
    assert [bar["week"] for bar in bars] == ["the week before"] * 7 + ["this week"] * 7
    assert [bar["day"] for bar in bars][:2] == ["2 Nov", "3 Nov"]


def test_a_budget_is_a_line_in_the_picture_and_a_sentence_in_its_words() -> None:
    with_budget = charts.spec(digest())
    assert with_budget is not None
    assert len(with_budget["layer"]) == 3
    assert "A line marks the budget of $1,333 a day." in str(charts.alt(digest()))


def test_the_words_name_the_dearest_and_the_cheapest_day() -> None:
    said = str(charts.alt(digest()))
    assert said.startswith("Bar chart of spend per day in USD, 2–15 Nov.")
    assert "most on 15 Nov with $1,720.00, least on 9 Nov with $1,480.00." in said


def test_a_day_without_a_charge_cost_nothing_and_a_credit_is_drawn_below_zero() -> None:
    shown = digest(daily=(Spent(WEEK.start, "USD", Decimal(-5)), Spent(WEEK.end - DAY, "USD", Decimal(7))))
    spec = charts.spec(shown)
    assert spec is not None
    amounts = [bar["amount"] for bar in spec["data"]["values"]]
    assert (min(amounts), max(amounts), len(amounts)) == (-5.0, 7.0, 14)
    png = charts.digest_png(shown)
    assert png is not None
    assert png.startswith(PNG)


def test_nothing_spent_is_no_chart_and_no_words() -> None:
    empty: Digest = digest(figures=(), daily=())
    assert charts.digest_png(empty) is None
    assert charts.spec(empty) is None
    assert charts.alt(empty) is None


def test_of_several_currencies_the_largest_is_drawn() -> None:
    shown = digest(daily=(*digest().daily, Spent(WEEK.start, "EUR", Decimal(10**6))))
    spec = charts.spec(shown)
    assert spec is not None
    assert max(bar["amount"] for bar in spec["data"]["values"]) == 1720.0

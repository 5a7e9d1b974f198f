"""The digest: small, complete and true to the cent, whatever a team spends on."""

import re
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot import charts
from bot.blocks import digest, digest_detail, kit
from spend.budget import Budget, stand
from spend.digest import Digest, Figure, FindingBrief, Move, PlanBrief, Reached, Restated, Spent, Unowned
from spend.forecast import Forecast
from spend.money import cents, total
from spend.movers import movers
from spend.period import DAY
from tests.bot.blocks import oracle
from tests.bot.blocks.samples import PING, WEEK
from tests.bot.blocks.samples import digest as usual

NAMES = st.one_of(
    st.text(min_size=1, max_size=300),
    st.sampled_from(["<!channel>" * 30, "&" * 300, "😀" * 150, "a" * 300, PING, "`*_~", "worker-7"]),
)
MONEY = st.decimals(min_value=-(10**9), max_value=10**9, places=4)


@st.composite
def figures(draw: st.DrawFn, currency: str) -> Figure:
    """The money of one currency, as `spend.movers` compares two weeks of services."""
    services = st.dictionaries(NAMES, MONEY, max_size=12)
    found = movers(draw(services), draw(services), limit=12)
    forecast = draw(st.none() | st.builds(Forecast, MONEY, MONEY, MONEY, MONEY))
    budget = Budget(draw(MONEY.map(abs)) + 1, currency)
    return Figure(
        currency,
        found.total,
        found.before,
        found.change,
        tuple(Move(one.key, one.now, one.before, one.change, service=one.key) for one in found.top),
        found.other,
        stand(budget, forecast.spent, forecast.expected) if forecast else None,
        forecast,
    )


@st.composite
def digests(draw: st.DrawFn) -> Digest:
    """Any digest: no charge at all, hostile names, several currencies, credits, hundreds of things."""
    currencies = draw(st.lists(st.sampled_from(["USD", "EUR", "CHF", "JPY", "SEK"]), unique=True, max_size=5))
    many = draw(st.integers(0, 200))
    name = draw(NAMES)
    unowned = [Unowned(f"u{n}", name, name, name, draw(MONEY), "USD") for n in range(min(many, 4))]
    unowned += [Unowned(f"v{n}", None, name, None, Decimal(1), "USD") for n in range(many)]
    finding = FindingBrief("f", "idle", name, date(2026, 11, 9), draw(MONEY), "USD")
    return usual(
        title=draw(NAMES),
        figures=tuple(draw(figures(currency)) for currency in currencies),
        unowned=tuple(unowned),
        findings=(finding,) * draw(st.integers(0, 40)),
        waiting=(PlanBrief("p", "stop", name, 3, draw(MONEY), "USD"),) * draw(st.integers(0, 40)),
        corrections=(Restated("USD", draw(MONEY), name),) * draw(st.integers(0, 9)),
        daily=tuple(
            Spent(WEEK.before().start + n * DAY, currency, draw(MONEY))
            for currency in currencies[:1]
            for n in range(14)
        ),
        snapshots=("s" * 64,) * draw(st.integers(0, 9)),
    )


def value_of(text: str) -> Decimal:
    """The amount that a change was displayed as."""
    found = re.fullmatch(r"([+−]?)[$€]?([0-9,]+\.[0-9]{2})(?: [A-Z]{3})?", text)
    assert found, text
    amount = Decimal(found[2].replace(",", ""))
    return -amount if found[1] == "−" else amount


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(digests())
def test_any_digest_fits_and_slack_would_take_it(shown: Digest) -> None:
    text, blocks = digest.draw("digest-abc", shown, charts.alt(shown))
    assert len(text) <= digest.PUSH
    assert len(blocks) <= digest.BLOCKS
    assert kit.characters(blocks) <= digest.CHARACTERS
    oracle.message(text, blocks)
    assert not [word for word in oracle.words(blocks) if re.search(r"<(?!!date\^)", word)]


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(digests())
def test_any_thread_of_a_digest_fits_too(shown: Digest) -> None:
    text, blocks = digest_detail.draw("digest-abc", shown)
    assert len(blocks) <= 50
    oracle.message(text, blocks)
    assert not [word for word in oracle.words(blocks) if "<" in word]


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(figures("USD"))
def test_the_movers_and_the_rest_add_up_to_the_change_as_displayed(one: Figure) -> None:
    shown = usual(figures=(one,))
    _, blocks = digest.draw("d", shown, None)
    moves = [text for text in oracle.words(blocks) if text.startswith(("▲", "▼"))]
    if not moves:
        return
    changes = [value_of(text.split("\n")[0].rsplit("* ", 1)[1]) for text in moves]
    rest = next(text for text in oracle.words(blocks) if text.startswith("Everything else"))
    other, change = rest.removeprefix("Everything else: ").removesuffix(" in all").split(", so ")
    assert total([*changes, value_of(other)]) == value_of(change) == cents(one.change)


def test_a_usual_week_is_read_in_ten_seconds() -> None:
    text, blocks = digest.draw("digest-1", usual(), "a chart")
    assert [block["type"] for block in blocks] == [
        "header",
        "section",
        "image",
        *["section"] * 3,
        "context",
        *["section"] * 4,
        "context",
    ]
    said = oracle.read(blocks)
    for part in (
        "Checkout: cloud spend, 9–15 Nov",
        "*$9,214.77* this week, *+$624.91 (+7 %)* against the week before.",
        "This month: $21,310.40 so far, about $41,870 by its end (likely $40,100 to $43,900).",
        "Budget $40,000: 53 % used, *heading $1,870 over*.",
        "▲ *Amazon EC2 · worker-7* +$812.40",
        "▼ *Amazon S3 · requests* −$220.25",
        "Everything else: −$2.34, so +$624.91 in all",
        "Nobody owns *Amazon S3 · logs-0*: $31.20 this week",
        "and 2 more in the thread",
        "*1 open finding:* EC2 is above ($812.00)",
        "*1 waiting for approval:* Stop idle instances ($412.00 a month)",
        "Complete through 15 Nov · EffectiveCost (amortised) · USD · changes against 2–8 Nov",
    ):
        assert part in said
    assert text.startswith("Checkout: USD 9,215")


def test_sources_that_are_not_complete_through_the_same_day_are_told_apart() -> None:
    names = ("gcp", "aws", "azure", "ci", "oracle")
    days = [Reached(name, date(2026, 11, 15 - at)) for at, name in enumerate(names)]
    apart = replace(usual(), complete_through=date(2026, 11, 11), sources=tuple(days))
    assert digest.small_print(apart).startswith(
        "Complete through 11 Nov (oracle 11 Nov, ci 12 Nov, azure 13 Nov, 2 more) · "
    )
    together = replace(usual(), sources=(days[0], replace(days[0], source="aws")))
    assert digest.small_print(together).startswith("Complete through 15 Nov · ")
    assert Digest.from_data(apart.to_data()).apart == tuple(days)


def test_the_buttons_carry_the_digest_and_the_place_and_nothing_else() -> None:
    _, blocks = digest.draw("digest-1", usual(), None)
    assert oracle.buttons(blocks) == [
        *[("Dispute", f"digest-1:{n}") for n in range(3)],
        *[("Claim", f"digest-1:{n}") for n in range(3)],
    ]


def test_the_thread_goes_on_where_the_digest_stops() -> None:
    _, blocks = digest_detail.draw("digest-1", usual())
    assert oracle.buttons(blocks) == [
        ("Dispute", "digest-1:3"),
        ("Claim", "digest-1:3"),
        ("Claim", "digest-1:4"),
    ]
    assert "Corrected since the last digest: −$3.10 (a claim of Search)." in oracle.read(blocks)
    assert "`aaaaaaaaaaaa…aaaaaaaaaaaa`" in oracle.read(blocks)


def test_what_the_thread_cannot_hold_is_counted_and_the_way_to_it_named() -> None:
    many = tuple(Unowned(f"u{n}", None, "S3", f"bucket-{n}", Decimal(1), "USD") for n in range(500))
    _, blocks = digest_detail.draw("digest-1", usual(unowned=many))
    said = oracle.read(blocks)
    left = re.search(r"… and ([0-9]+) more: `bursar digest checkout --json`", said)
    assert left
    claims = [button for button in oracle.buttons(blocks) if button[0] == "Claim"]
    assert len(claims) + int(left[1]) == 500 - digest.SHOWN_UNOWNED
    oracle.message("text", blocks)


def test_two_currencies_are_told_side_by_side_and_never_added() -> None:
    dollars = usual().figures[0]
    euros = replace(dollars, currency="EUR", total=Decimal("100.00"), forecast=None, budget=None)
    _, blocks = digest.draw("d", usual(figures=(euros, dollars)), None)
    said = oracle.read(blocks)
    assert said.index("*$9,214.77* this week") < said.index("*€100.00* this week")
    assert [value for label, value in oracle.buttons(blocks) if label == "Dispute"] == ["d:4", "d:0", "d:5"]
    assert "· USD, EUR ·" in said


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"figures": (), "daily": ()}, "Nothing was spent this week."),
        (
            {"figures": (Figure("USD", Decimal("-40.00"), Decimal(60), Decimal(-100)),)},
            "*−$40.00* this week, *−$100.00 (−167 %)* against the week before.",
        ),
        (
            {"figures": (Figure("USD", Decimal(5), Decimal(5), Decimal(0)),)},
            "*$5.00* this week, the same as the week before.",
        ),
    ],
)
def test_an_empty_a_credit_and_a_calm_week_each_have_their_words(
    changes: dict[str, object], said: str
) -> None:
    shown = usual(**changes)
    text, blocks = digest.draw("d", shown, charts.alt(shown))
    assert said in oracle.read(blocks)
    oracle.message(text, blocks)


def test_corrections_are_shown_but_cannot_be_disputed_as_a_charge() -> None:
    corrected = Move("rulings and corrections", Decimal(9), Decimal(0), Decimal(9))
    one = Figure("USD", Decimal(9), Decimal(0), Decimal(9), (corrected,))
    _, blocks = digest.draw("d", usual(figures=(one,), unowned=()), None)
    assert "rulings and corrections" in oracle.read(blocks)
    assert oracle.buttons(blocks) == []


def test_a_budget_that_holds_is_told_as_calmly_as_it_is() -> None:
    figure = usual().figures[0]
    calm = replace(figure, budget=stand(Budget(Decimal(90000), "USD"), Decimal(21310), Decimal(41870)))
    _, blocks = digest.draw("d", usual(figures=(calm,)), None)
    assert "Budget $90,000: 23 % used, on course." in oracle.read(blocks)


@pytest.mark.parametrize("name", ["a" * 300, "&" * 300, "😀" * 300])
def test_the_longest_of_everything_still_fits(name: str) -> None:
    huge = Decimal("-123456789012.34")
    forecast = Forecast(huge, huge - 1, huge + 1, huge)
    budget = stand(Budget(-huge, "USD"), -huge, -huge * 2)
    moves = tuple(Move(name, huge, -huge, huge * 2, service=name) for _ in range(9))
    figures = tuple(
        Figure(currency, huge, -huge, huge * 2, moves, huge, budget, forecast)
        for currency in ("CHF", "JPY", "SEK", "NOK")
    )
    shown = usual(
        title=name,
        figures=figures,
        unowned=tuple(Unowned("u", name, name, name, huge, "CHF") for _ in range(99)),
        findings=(FindingBrief("f", "idle", name, date(2026, 11, 9), huge, "CHF"),) * 99,
        waiting=(PlanBrief("p", "stop", name, 3, huge, "CHF"),) * 99,
    )
    text, blocks = digest.draw("digest-" + "k" * 16, shown, "w" * 400)
    assert len(text) <= digest.PUSH
    assert len(blocks) == digest.BLOCKS
    assert kit.characters(blocks) <= digest.CHARACTERS
    oracle.message(text, blocks)

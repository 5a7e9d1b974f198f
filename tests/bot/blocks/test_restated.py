"""The reply that tells new figures: what it shows adds up, whatever changed, and fits a phone."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.blocks import restated
from spend.money import total
from spend.period import DAY
from spend.restatement import Cause, Change, DayChange, Why, because
from tests.bot.blocks import oracle, samples
from tests.bot.blocks.samples import NOW, PING, WEEK
from tests.bot.blocks.test_digest import NAMES, value_of

CENTS = st.integers(-(10**11), 10**11).map(lambda cents: Decimal(cents) / 100)


def texts(found: tuple[str, list[dict[str, object]]]) -> list[str]:
    """Its paragraphs; each is checked as Slack would."""
    oracle.message(*found)
    return [str(block["text"]["text"]) for block in found[1] if block["type"] == "section"]  # type: ignore[index]


def test_the_reply_says_from_what_to_what_on_which_days_and_why() -> None:
    push, blocks = restated.draw("digest-1", samples.restatement(), "Checkout")
    assert push == "Checkout, 9–15 Nov: $9,314.90 now, told as $9,214.77"
    head, said = texts((push, blocks))
    assert head == "*The figures of 9–15 Nov have changed.*"
    assert said.splitlines()[:4] == [
        "$9,214.77 → *$9,314.90*, +$100.13",
        "• 10 Nov: $1,480.00 → $1,530.00",
        "• 11 Nov: $1,480.00 → $1,580.00",
        "• what rounding leaves: −$49.87",
    ]
    delivery, ruling, shared = said.splitlines()[5:]
    assert delivery.startswith(
        "• +$120.10: a new bill of aws, account 1001, November 2026: `snapshot-pstdki7g45ar6c3z`"
    )
    assert delivery.endswith("in place of `9f9f9f9f9f9f`")
    assert ruling.startswith("• −$20.00: finance ruled on the dispute of Amazon EC2 · worker-7 (<!date^")
    assert shared == (
        "• +$0.03: the shared costs of platform were split anew, as what the teams spend has changed"
    )
    assert "`bursar digest --as-of digest-1`" in str(blocks[-1])


def test_a_total_that_stays_is_not_told_as_a_change() -> None:
    days = (
        DayChange(WEEK.start, Decimal(9), Decimal(4)),
        DayChange(WEEK.start + DAY, Decimal(1), Decimal(6)),
    )
    one = Change("EUR", Decimal(10), Decimal(10), days)
    _, said = texts(restated.draw("d", samples.restatement(changes=(one,)), "Checkout"))
    assert said.splitlines()[0] == "*€10.00* in all, as before, but on other days"


@st.composite
def changes(draw: st.DrawFn, currency: str) -> Change:
    """Any change of a week, with any causes, as the ledger's exact amounts make them."""
    days = [
        DayChange(day, draw(CENTS), draw(CENTS))
        for day in draw(st.lists(st.sampled_from(list(WEEK.days())), unique=True))
    ]
    old = draw(CENTS)
    new = total(
        (old, *(one.change for one in days), draw(st.integers(-3, 3).map(lambda n: Decimal(n) / 100)))
    )
    parts = draw(
        st.lists(st.tuples(st.sampled_from(Why), NAMES, st.decimals(-(10**6), 10**6, places=9)), max_size=9)
    )
    return because(
        Change(currency, old, new, tuple(sorted(days, key=lambda one: one.day))),
        [
            (
                Cause(kind, name, name, name, name, name, WEEK.start, NOW),
                WEEK.start + timedelta(n % 7),
                amount,
            )
            for n, (kind, name, amount) in enumerate(parts)
        ],
    )


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(st.sampled_from(["USD", "EUR", "CHF", "JPY", "SEK"]), min_size=1, unique=True), st.data())
def test_whatever_changed_days_and_reasons_add_up_as_they_are_shown(
    currencies: list[str], data: st.DataObject
) -> None:
    every = tuple(data.draw(changes(currency)) for currency in currencies)
    for change in every:
        assert total(cause.amount for cause in change.causes) == change.change or not change.causes
    found = restated.draw("digest-1", replace(samples.restatement(), changes=every), PING)
    for said in texts(found)[1:]:
        first, *lines = said.splitlines()
        days, _, why = "\n".join(lines).partition("*Why*")
        whole = Decimal(0) if "as before" in first else value_of(first.rpartition(", ")[2])
        reasons = [value_of(line.split(": ")[0].removeprefix("• ")) for line in why.strip().splitlines()]
        assert not reasons or total(reasons) == whole
        arrows = [line.partition(": ")[2].split(" → ") for line in days.splitlines() if " → " in line]
        moved = [value_of(new) - value_of(old) for old, new in arrows]
        rest = [value_of(line.rpartition(": ")[2]) for line in days.splitlines() if " → " not in line]
        assert total([*moved, *rest]) == whole

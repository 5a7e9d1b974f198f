"""Escaping, short names, amounts and times."""

import html
import re
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.blocks import kit

HOSTILE = st.one_of(
    st.text(max_size=300),
    st.sampled_from(
        ["<!channel>", "<@U123> & co", "a" * 300, "😀" * 100, "&" * 300, "x\u202ey", "a\nb\tc", "\ud800", ""]
    ),
)


@given(HOSTILE)
def test_nothing_escaped_can_ping_or_link(text: str) -> None:
    safe = kit.escape(text)
    assert not re.search(r"[<>]|&(?!amp;|lt;|gt;)", safe)
    assert html.unescape(safe) == kit.tidy(text)
    assert "\n" not in safe


@given(HOSTILE, st.integers(8, 120))
def test_a_name_is_never_wider_than_asked_escapes_included(text: str, width: int) -> None:
    short = kit.name(text, width)
    assert 0 < len(short) <= max(width, len("(no name)"))
    assert not re.search(r"[<>]|&(?!amp;|lt;|gt;)", short)


@given(HOSTILE, st.integers(8, 120))
def test_prose_and_plain_texts_keep_their_width_too(text: str, width: int) -> None:
    assert len(kit.prose(text, width)) <= width
    assert len(kit.clip(text, width)) <= max(width, len("(no name)"))


def test_a_long_name_loses_its_middle_and_keeps_both_ends() -> None:
    short = kit.name("/subscriptions/64e355d7-997c-491d-b0c1-8414dccfcf42/resize-images", 30)
    assert len(short) == 30
    assert short.startswith("/subscriptions")
    assert short.endswith("resize-images")
    assert "…" in short


def test_an_arn_is_called_by_its_last_part() -> None:
    assert kit.name("arn:aws:lambda:eu-central-1:111111111111:function:resize") == "function:resize"
    assert kit.name("arn:aws:s3:::larkspur-clickstream-raw") == "larkspur-clickstream-raw"


def test_what_is_no_arn_keeps_all_of_its_colons() -> None:
    assert kit.name("a:b:c:d:e:f:g") == "a:b:c:d:e:f:g"


@pytest.mark.parametrize("nothing", ["", " ", "\u202e\n"])
def test_what_has_no_name_is_called_so(nothing: str) -> None:
    assert kit.name(nothing) == kit.clip(nothing, 20) == "(no name)"


def test_a_text_that_just_fits_is_left_whole_and_one_more_character_is_cut() -> None:
    for shorten in (kit.name, kit.clip, kit.prose):
        assert shorten("abcdefgh", 8) == "abcdefgh"
    assert kit.name("abcdefghi", 8) == kit.clip("abcdefghi", 8) == "abcd…ghi"
    assert kit.prose("abcdefghi", 8) == "abcdefg…"
    assert kit.prose("abc<<", 7) == "abc…"  # an escape is never cut in two
    assert kit.prose("abc<<", 8) == "abc&lt;…"
    assert len(kit.prose("a" * 601)) == 600


def test_the_reason_of_a_keep_mentions_its_keeper_and_nobody_else_does() -> None:
    kept = "kept by <@U_ANN> until Friday: <@U_BOB> asked"
    assert kit.reason(kept, 100) == "kept by <@U_ANN> until Friday: &lt;@U_BOB&gt; asked"
    assert kit.reason(f"its tag says {kept}", 100).count("<") == 0
    assert len(kit.reason(kept, 20)) == 20


def test_only_escapes_that_do_not_fit_leave_room_unused() -> None:
    assert kit.cut(["ab", "cd", "ef"], 5) == "ab…ef"
    assert kit.cut(["ab", "&amp;"], 4) == "ab…"
    assert kit.cut(["&amp;", ""], 4) == "…"


def test_a_long_sentence_is_given_the_whole_of_slacks_room() -> None:
    assert kit.sentence("a" * 3000) == "a" * 3000
    assert len(kit.sentence("a" * 3001)) == 3000


def test_a_sentence_mentions_one_person_but_never_a_channel() -> None:
    text = kit.sentence("<@U_ANN> says: <!channel> <@U_ANN|x> <#C1> <https://evil.example|here>")
    assert text.startswith("<@U_ANN> says: &lt;!channel&gt;")
    assert text.count("<") == 1


def test_what_is_no_person_is_never_a_mention() -> None:
    assert kit.person("U_ANN") == "<@U_ANN>"
    assert kit.person("bursar") == "Bursar"
    assert kit.person("!channel") == "!channel"
    assert kit.person("U1> <!here") == "U1&gt; &lt;!here"
    assert kit.person(None) == "nobody"


def test_many_people_are_counted() -> None:
    assert kit.people([f"U{n:02}" for n in range(11)], limit=2) == "<@U00>, <@U01> and 9 more"
    assert kit.people([]) == "nobody"
    assert "more" not in kit.people([f"U{n}" for n in range(8)])
    assert kit.people([f"U{n}" for n in range(9)]).endswith(" and 1 more")


@pytest.mark.parametrize(
    ("value", "currency", "text"),
    [
        ("1234.565", "USD", "$1,234.56"),
        ("-12.3", "USD", "−$12.30"),
        ("5", "EUR", "€5.00"),
        ("1234.5", "CHF", "1,234.50 CHF"),
        ("-0.001", "USD", "$0.00"),
        ("0.005", "GBP", "£0.00"),
        ("-7", "JPY", "−7.00 JPY"),
        ("1", "<!here>", "1.00 &lt;!h…e&gt;"),
    ],
)
def test_amounts_read_as_people_write_them(value: str, currency: str, text: str) -> None:
    assert kit.amount(Decimal(value), currency) == text


def test_a_change_always_has_its_sign_and_a_notification_whole_units() -> None:
    assert kit.change(Decimal("3.5"), "USD") == "+$3.50"
    assert kit.change(Decimal("-3.5"), "USD") == "−$3.50"
    assert kit.change(Decimal(0), "USD") == "$0.00"
    assert kit.amount(Decimal("-0.4"), "USD", whole=True) == "$0"
    assert kit.amount(Decimal("1234.5"), "USD", whole=True) == "$1,234"


def test_a_percentage_needs_a_base_and_stays_readable() -> None:
    assert kit.percent(Decimal(7), Decimal(100)) == "7 %"
    assert kit.percent(Decimal(-7), Decimal(100)) == "−7 %"
    assert kit.percent(Decimal(1), Decimal(0)) is None
    assert kit.percent(Decimal(1), Decimal(-5)) is None
    assert kit.percent(Decimal(10**9), Decimal(1)) is None


def test_days_are_told_with_both_ends() -> None:
    assert kit.days(date(2026, 11, 2), date(2026, 11, 8)) == "2–8 Nov"
    assert kit.days(date(2026, 10, 30), date(2026, 11, 5)) == "30 Oct – 5 Nov"
    assert kit.days(date(2026, 11, 2), date(2026, 11, 2)) == "2 Nov"


def test_a_moment_is_the_readers_own_with_utc_to_fall_back_on() -> None:
    at = datetime(2026, 11, 16, 13, tzinfo=UTC)
    assert kit.moment(at) == "<!date^1794834000^{date_short_pretty} {time}|16 Nov 13:00 UTC>"


def test_lists_and_counts_read_as_sentences() -> None:
    assert kit.listed([]) == ""
    assert kit.listed(["a"]) == "a"
    assert kit.listed(["a", "b"]) == "a and b"
    assert kit.count(2, "charge") == "2 charges"
    assert kit.listed(["a", "b", "c"]) == "a, b and c"
    assert kit.count(1, "charge") == "1 charge"
    assert kit.count(2000, "currency", "currencies") == "2,000 currencies"


def test_only_texts_that_people_read_are_counted() -> None:
    blocks = [
        {"type": "section", "text": {"text": "abc"}, "fields": [{"text": "de"}, "x"]},
        {"alt_text": "f"},
    ]
    assert kit.characters(blocks) == 6
    assert kit.characters([[{"text": "ab"}], "no block", None]) == 2

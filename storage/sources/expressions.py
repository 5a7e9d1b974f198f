"""SQL that reads text exactly: nulls, money to 1e-20 rounded half-even, instants in UTC.

DuckDB's own casts are not enough: its decimal cast rounds half away from zero and takes `1_000`,
its timestamp cast drops `+02:00` without a word and reads `5/1/25` as a day of the year 5.
"""

import glob
from collections.abc import Mapping
from pathlib import Path

from storage.sources.currencies import CODES

PLAIN = r"-?[0-9]{1,18}(\.[0-9]{0,20})?"
#: Plain amounts that fit 64 bits: the engine casts these many times faster than wider ones.
SHORT = r"-?[0-9]{1,7}(\.[0-9]{0,11})?"
FINE = r"-?[0-9]{1,2}(\.[0-9]{0,16})?"
ANY_NUMBER = r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?"
ISO_INSTANT = (
    r"20[0-9]{2}-[0-9]{2}-[0-9]{2}"
    r"([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?( ?UTC|Z|[+-](0[0-9]|1[0-4])(:?[0-5][0-9])?)?)?"
)
US_DAY = r"[0-9]{1,2}/[0-9]{1,2}/(20[0-9]{2}|[0-6][0-9])"

#: The largest amount that is kept.
MOST = f"{'9' * 18}.{'9' * 20}"
#: Characters of a billing account, which is a key in the database.
LONGEST_ACCOUNT = 256

#: What stands for nothing in a field: FOCUS asks for NULL, files also have empty text.
EMPTY = frozenset({"", "NULL", "null"})


def _let(names: Mapping[str, str], body: str) -> str:
    """SQL for a body in which names stand for expressions, each of which may use those before it."""
    for variable, expression in reversed(list(names.items())):
        body = f"list_transform([{expression}], lambda {variable}: {body})[1]"
    return body


def _written_out() -> str:
    """SQL that writes out a number `t` (E-notation, more than 20 decimals) as digits around one point.

    It is cut at 20 decimals and carried half-even; what that left out is the remainder, kept to 37 decimals.
    """
    last = "CAST('0.00000000000000000001' AS DECIMAL(38, {}))"
    return _let(
        {
            "sign": "CASE WHEN t[1] = '-' THEN -1 ELSE 1 END",
            "figures": "ltrim(split_part(lower(t), 'e', 1), '+-')",
            "power": "coalesce(try_cast(ltrim(nullif(split_part(lower(t), 'e', 2), ''), '+') AS INTEGER), 0)",
            "digits": "replace(figures, '.', '')",
            "point": "CAST(length(split_part(figures, '.', 1)) + power AS INTEGER)",
            "whole": "CASE WHEN point <= 0 THEN '0' ELSE rpad(left(digits, point), point, '0') END",
            "rest": "CASE WHEN point <= 0 THEN repeat('0', -point) || digits "
            "ELSE substr(digits, point + 1) END",
            "kept": "coalesce(nullif(ltrim(whole, '0'), ''), '0') || '.' || rpad(left(rest, 20), 20, '0')",
            "beyond": "rtrim(substr(rest, 21), '0')",
            # One more than all nines is more than can be kept.
            "carry": "CASE WHEN beyond > '5' OR (beyond = '5' AND kept[-1] IN ('1', '3', '5', '7', '9')) "
            "THEN 1 ELSE 0 END",
        },
        f"{{'amount': try_cast(sign * (try_cast(CASE WHEN carry = 0 OR kept <> '{MOST}' THEN kept END "
        "AS DECIMAL(38, 20)) "
        f"+ carry * {last.format(20)}) AS DECIMAL(38, 20)), "
        "'remainder': CASE WHEN beyond <> '' THEN sign * ("
        "CAST('0.' || repeat('0', 20) || left(beyond, 17) AS DECIMAL(38, 37)) "
        f"- carry * {last.format(37)}) END}}",
    )


MACROS = (
    rf"""CREATE OR REPLACE MACRO plain_number(t) AS CASE
        WHEN regexp_full_match(t, '{SHORT}') THEN CAST(try_cast(t AS DECIMAL(18, 11)) AS DECIMAL(38, 20))
        WHEN regexp_full_match(t, '{FINE}') THEN CAST(try_cast(t AS DECIMAL(18, 16)) AS DECIMAL(38, 20))
        WHEN regexp_full_match(t, '{PLAIN}') THEN try_cast(t AS DECIMAL(38, 20)) END""",
    rf"""CREATE OR REPLACE MACRO number(t) AS CASE
        WHEN regexp_full_match(t, '{ANY_NUMBER}')
        THEN coalesce(plain_number(t), try_cast(t AS DECIMAL(38, 20))) END""",
    # Of no plain number only: it takes fifty times as long.
    rf"""CREATE OR REPLACE MACRO written_out(t) AS CASE
        WHEN regexp_full_match(t, '{ANY_NUMBER}') THEN {_written_out()} END""",
    r"""CREATE OR REPLACE MACRO plain_instant(t) AS CASE
        WHEN t LIKE '20__-__-__T__:__:__Z' OR t LIKE '20__-__-__ __:__:__' OR t LIKE '20__-__-__'
        THEN try_cast(t AS TIMESTAMP) END""",
    rf"""CREATE OR REPLACE MACRO instant(t) AS CASE
        WHEN regexp_full_match(t, '{ISO_INSTANT}') THEN CASE
            WHEN length(t) = 17 AND t[-1] = 'Z' THEN try_cast(left(t, 16) AS TIMESTAMP)
            WHEN length(t) <= 10 OR t[-1] = 'Z' OR NOT regexp_matches(t, '[+-][0-9]{{2}}(:?[0-9]{{2}})?$')
            THEN try_cast(t AS TIMESTAMP)
            ELSE try_cast(t AS TIMESTAMPTZ) AT TIME ZONE 'UTC' END
        WHEN regexp_full_match(t, '{US_DAY}') THEN coalesce(
            CASE WHEN regexp_matches(t, '/[0-9]{{4}}$') THEN try_strptime(t, '%m/%d/%Y') END,
            CASE WHEN NOT regexp_matches(t, '/[0-9]{{4}}$') THEN try_strptime(t, '%m/%d/%y') END)
        END""",
    # Not IN: the engine makes a join of that, which takes longer than all else that is asked of a row.
    rf"""CREATE OR REPLACE MACRO is_currency(t) AS length(t) = 3 AND contains('{" ".join(sorted(CODES))}', t)
        AND NOT contains(t, ' ')""",
    r"""CREATE OR REPLACE MACRO in_our_time(m) AS CASE
        WHEN m >= TIMESTAMP '2000-01-01' AND m < TIMESTAMP '2100-01-01' THEN m END""",
    rf"""CREATE OR REPLACE MACRO account(t) AS CASE
        WHEN length(t) BETWEEN 1 AND {LONGEST_ACCOUNT} AND NOT contains(t, chr(0)) THEN t END""",
    r"""CREATE OR REPLACE MACRO filled(t) AS CASE WHEN t IN ('', 'NULL', 'null') THEN NULL ELSE t END""",
    r"""CREATE OR REPLACE MACRO braced(t) AS CASE
        WHEN t[1] = '"' AND json_valid('{' || t || '}') THEN '{' || t || '}' ELSE t END""",
    r"""CREATE OR REPLACE MACRO json_or_null(t) AS CASE WHEN json_valid(t) THEN t END""",
    r"""CREATE OR REPLACE MACRO object_or_null(t) AS CASE
        WHEN json_type(json_or_null(t)) = 'OBJECT' THEN json_or_null(t) END""",
    r"""CREATE OR REPLACE MACRO object_of(ks, vs) AS CAST(list_reduce(list_prepend(CAST('{}' AS JSON),
        list_transform(list_zip(ks, vs), lambda e: json_object(coalesce(e[1], ''), e[2]))),
        lambda a, b: json_merge_patch(a, b)) AS VARCHAR)""",
    r"""CREATE OR REPLACE MACRO month_start(t) AS CASE
        WHEN regexp_full_match(t, '[0-9]{6}') THEN left(t, 4) || '-' || right(t, 2) || '-01' ELSE t END""",
    r"""CREATE OR REPLACE MACRO next_month(t) AS strftime(instant(t) + INTERVAL 1 MONTH, '%Y-%m-%d')""",
    r"""CREATE OR REPLACE MACRO pointer(k) AS '/' || replace(replace(k, '~', '~0'), '/', '~1')""",
    r"""CREATE OR REPLACE MACRO tag_exact(t, k) AS json_extract_string(object_or_null(t), pointer(k))""",
    # The next three say what `has_tag` and `tag` of spend/charge.py say, for a key that is folded already.
    r"""CREATE OR REPLACE MACRO tag_spellings(t, k) AS
        list_sort(list_filter(json_keys(object_or_null(t)), lambda x: lower(trim(x, ' ')) = k))""",
    r"""CREATE OR REPLACE MACRO tag_there(t, k) AS coalesce(len(tag_spellings(t, k)) > 0, false)""",
    r"""CREATE OR REPLACE MACRO tag_value(t, k) AS list_filter(list_transform(tag_spellings(t, k),
        lambda x: CASE WHEN json_type(object_or_null(t), pointer(x)) = 'VARCHAR'
        THEN json_extract_string(object_or_null(t), pointer(x)) END), lambda v: v IS NOT NULL)[1]""",
)


def quoted(text: str) -> str:
    """A text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def located(path: Path) -> str:
    """A path as an SQL literal that means this one file: the engine takes the names of files for patterns."""
    return quoted(glob.escape(str(path)))


def name(identifier: str) -> str:
    """A name as an SQL identifier."""
    return '"' + identifier.replace('"', '""') + '"'

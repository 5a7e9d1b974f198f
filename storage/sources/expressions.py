"""SQL that reads text exactly: nulls, money to 1e-20 rounded half-even, instants in UTC.

DuckDB's own casts are not enough: its decimal cast rounds half away from zero and takes `1_000`,
its timestamp cast drops `+02:00` without a word and reads `5/1/25` as a day of the year 5.
"""

PLAIN = r"-?[0-9]{1,18}(\.[0-9]{0,20})?"
#: Plain amounts that fit 64 bits: the engine casts these forty times faster than wider ones.
SHORT = r"-?[0-9]{1,7}(\.[0-9]{0,11})?"
ANY_NUMBER = r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?"
ISO_INSTANT = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?( ?UTC|Z|[+-][0-9]{2}(:?[0-9]{2})?)?)?"
)
US_DAY = r"[0-9]{1,2}/[0-9]{1,2}/([0-9]{2}|[0-9]{4})"

#: What stands for nothing in a field: FOCUS asks for NULL, files also have empty text.
EMPTY = frozenset({"", "NULL", "null"})

MACROS = (
    rf"""CREATE OR REPLACE MACRO plain_number(t) AS CASE
        WHEN regexp_full_match(t, '{SHORT}') THEN CAST(try_cast(t AS DECIMAL(18, 11)) AS DECIMAL(38, 20))
        WHEN regexp_full_match(rtrim(t, '0'), '{SHORT}') AND contains(t, '.') THEN
            CAST(try_cast(rtrim(t, '0') AS DECIMAL(18, 11)) AS DECIMAL(38, 20))
        WHEN regexp_full_match(t, '{PLAIN}') THEN try_cast(t AS DECIMAL(38, 20)) END""",
    rf"""CREATE OR REPLACE MACRO number(t) AS CASE
        WHEN regexp_full_match(t, '{ANY_NUMBER}')
        THEN coalesce(plain_number(t), try_cast(t AS DECIMAL(38, 20))) END""",
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


def money_layers(cost: str) -> list[dict[str, str]]:
    """The steps that turn the text `t_COST` into `COST` and `COST_remainder`, each using the one before.

    Plain amounts are cast as they are. Others (E-notation, more than 20 decimals) are written out as
    digits around one point, cut at 20 decimals and carried half-even; what that left out is the remainder,
    kept to 37 decimals. Unreadable text gives null. Steps, because a single expression of this size
    is slow to compile and costs memory for each of its repeated parts.
    """
    t, v, o, m, e, d, p, w, f, k, b, c = (f"{letter}_{cost}" for letter in "tvomedpwfkbc")
    last = "CAST('0.00000000000000000001' AS DECIMAL(38, {}))"
    return [
        {v: f"plain_number({t})"},
        {o: f"CASE WHEN {v} IS NULL AND regexp_full_match({t}, '{ANY_NUMBER}') THEN lower({t}) END"},
        {
            m: f"ltrim(split_part({o}, 'e', 1), '+-')",
            e: f"coalesce(try_cast(ltrim(nullif(split_part({o}, 'e', 2), ''), '+') AS INTEGER), 0)",
        },
        {d: f"replace({m}, '.', '')", p: f"CAST(length(split_part({m}, '.', 1)) + {e} AS INTEGER)"},
        {
            w: f"CASE WHEN {p} <= 0 THEN '0' ELSE rpad(left({d}, {p}), {p}, '0') END",
            f: f"CASE WHEN {p} <= 0 THEN repeat('0', -{p}) || {d} ELSE substr({d}, {p} + 1) END",
        },
        {
            k: f"coalesce(nullif(ltrim({w}, '0'), ''), '0') || '.' || rpad(left({f}, 20), 20, '0')",
            b: f"rtrim(substr({f}, 21), '0')",
        },
        {c: f"CASE WHEN {b} > '5' OR ({b} = '5' AND {k}[-1] IN ('1', '3', '5', '7', '9')) THEN 1 ELSE 0 END"},
        {
            cost: f"CASE WHEN {o} IS NULL THEN {v} ELSE try_cast(CASE WHEN {o}[1] = '-' THEN -1 ELSE 1 END "
            f"* (try_cast({k} AS DECIMAL(38, 20)) + {c} * {last.format(20)}) AS DECIMAL(38, 20)) END",
            f"{cost}_remainder": f"CASE WHEN {b} <> '' THEN CASE WHEN {o}[1] = '-' THEN -1 ELSE 1 END * ("
            f"CAST('0.' || repeat('0', 20) || left({b}, 17) AS DECIMAL(38, 37)) "
            f"- {c} * {last.format(37)}) END",
        },
    ]


def quoted(text: str) -> str:
    """A text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def name(identifier: str) -> str:
    """A name as an SQL identifier."""
    return '"' + identifier.replace('"', '""') + '"'

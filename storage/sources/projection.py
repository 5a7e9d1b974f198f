"""The SELECT that turns a scan of a bill's file into the lake's columns: quick where a value is plain.

Nearly all values of a real bill are plain, so each is tried the quick way first and only what is left over,
by CASE, the thorough one: the engine evaluates a branch only for the rows that need it.
"""

from collections.abc import Mapping, Sequence

from storage.sources import columns
from storage.sources.dialects.dialect import NOTHING
from storage.sources.expressions import name, quoted
from storage.sources.layout import Layout

#: Columns that are computed from those before them, by name.
Layer = Mapping[str, str]
#: Text columns that are more than their text.
CHECKED = frozenset({"billing_account_id", "billing_currency", "tags"})
#: Bytes of a number or a time; what is longer is neither.
LONGEST_VALUE = 1000
#: Where the tags of a file are looked up.
TAG_TABLE = "tags_said"
AMOUNT, NO_REMAINDER = "DECIMAL(38, 20)", "CAST(NULL AS DECIMAL(38, 37))"


def projection(layout: Layout, promoted: Sequence[str], *, looked_up: bool = False) -> str:
    """The SELECT for one file; where one thread reads it, its rows come in their order.

    Args:
        promoted: folded tag keys, each of which gets a `tag_*` column.
        looked_up: whether what tags say is in the table that `tag_table` fills.
    """
    extra = [column for column in layout.columns if column not in columns.KNOWN]
    tags = {key: columns.tag_column(key) for key in promoted}
    relation, given = layout.relation, _given(layout, extra)
    layers = [*_values(layout), *_tags(tags)]
    if looked_up:
        relation = f"{relation} LEFT JOIN {TAG_TABLE} ON said_text = {_text(layout, 'tags')}"
        given |= {column: name(f"said_{column}") for column in ("tags", "tags_object", *tags.values())}
        layers = _values(layout)
    select = f"SELECT {_listed(given)} FROM {relation}"
    for layer in (*layers, _final()):
        select = f"SELECT *, {_listed(layer)} FROM ({select})"
    select = f"SELECT *, {_notes(layout)} AS import_notes FROM ({select})"
    remainders = [f"{cost}_remainder" for cost in columns.COSTS]
    kept = [name(column) for column in (*columns.KNOWN, *extra, *tags.values(), *remainders)]
    wrong = " OR ".join(f"{column} IS NULL" for column in columns.REQUIRED)
    row = f"CASE WHEN import_notes IS NOT NULL OR {wrong} THEN import_at END AS import_row"
    row = row if layout.ordinal else "CAST(NULL AS BIGINT) AS import_row"
    return f"SELECT {', '.join(kept)}, charge_day, import_notes, {row} FROM ({select})"


def tag_table(layout: Layout, promoted: Sequence[str]) -> str:
    """What fills `TAG_TABLE`: what each different text of tags says, for a file that repeats a few."""
    tags = {key: columns.tag_column(key) for key in promoted}
    select = f"SELECT DISTINCT {_text(layout, 'tags')} AS t_tags FROM {layout.relation}"
    for layer in _tags(tags):
        select = f"SELECT *, {_listed(layer)} FROM ({select})"
    said = {"said_text": "t_tags"} | {
        f"said_{column}": name(column) for column in ("tags", "tags_object", *tags.values())
    }
    return f"CREATE OR REPLACE TABLE {TAG_TABLE} AS SELECT {_listed(said)} FROM ({select})"


def tag_texts(layout: Layout) -> str:
    """What tells about how many different texts of tags a file has, and the bytes of the longest."""
    text = _text(layout, "tags")
    return f"SELECT approx_count_distinct({text}), coalesce(max(strlen({text})), 0) FROM {layout.relation}"


def _listed(layer: Layer) -> str:
    return ", ".join(f"{expression} AS {name(column)}" for column, expression in layer.items())


def _given(layout: Layout, extra: Sequence[str]) -> dict[str, str]:
    """What the file gives: text as `t_COLUMN`, and what has a type there already as it is."""
    given = {f"g_{column}": sql for column, sql in layout.typed.items()}
    given |= {f"t_{column}": _text(layout, column) for column in columns.KNOWN if column not in layout.typed}
    given |= {column: _text(layout, column) for column in extra}
    return given | ({"import_at": layout.ordinal} if layout.ordinal else {})


def _text(layout: Layout, column: str) -> str:
    cell = layout.columns.get(column)
    return NOTHING if cell is None else f"filled({cell.sql})"


def _values(layout: Layout) -> list[Layer]:
    """Each column from its text: the plain ones, and then what is left over."""
    read = [column for column in columns.KNOWN if column not in layout.typed]
    costs = [column for column in read if column in columns.COSTS]
    numbers = [column for column in read if column in columns.NUMBERS]
    periods = [column for column in read if column in columns.PERIODS]
    currency = "upper(trim(t_billing_currency))"
    plain = {f"v_{column}": f"plain_number(t_{column})" for column in (*costs, *numbers)}
    plain |= {f"v_{column}": f"plain_instant(t_{column})" for column in periods}
    plain |= {column: f"t_{column}" for column in columns.TEXTS if column not in CHECKED}
    plain |= {
        "billing_account_id": "account(trim(t_billing_account_id))",
        "billing_currency": f"CASE WHEN is_currency(t_billing_currency) THEN t_billing_currency "
        f"WHEN is_currency({currency}) THEN {currency} END",
    }
    left = {f"w_{column}": _left(column, "written_out") for column in costs}
    left |= {column: f"coalesce(v_{column}, {_left(column, 'number')})" for column in numbers}
    left |= {column: f"coalesce(v_{column}, {_left(column, 'instant')})" for column in periods}
    made = {f"r_{cost}": f"coalesce(v_{cost}, w_{cost}.amount)" for cost in costs}
    made |= {f"{cost}_remainder": f"w_{cost}.remainder" for cost in costs}
    for column in layout.typed:
        if column in columns.PERIODS:
            plain[column] = f"in_our_time(try_cast(g_{column} AS TIMESTAMP))"
        elif column in columns.COSTS:
            plain |= {f"r_{column}": f"try_cast(g_{column} AS {AMOUNT})", f"{column}_remainder": NO_REMAINDER}
        else:
            plain[column] = f"try_cast(g_{column} AS {AMOUNT})"
    return [plain, left, made] if made else [plain, left]


def _left(column: str, read: str) -> str:
    # A text of megabytes is no value, and reading it thoroughly would take some times as much for each row.
    short = f"v_{column} IS NULL AND strlen(t_{column}) < {LONGEST_VALUE}"
    return f"CASE WHEN {short} THEN {read}(trim(t_{column})) END"


def _tags(tags: Mapping[str, str]) -> list[Layer]:
    """The promoted tags: one look at the keys finds all; a key in two spellings takes the long way."""
    fold = "lower(CASE WHEN contains(k, ' ') THEN trim(k, ' ') ELSE k END)"
    layers: list[dict[str, str]] = [
        {"tags": "braced(t_tags)"},
        {"tags_valid": "json_valid(tags)"},
        {"tag_keys": "CASE WHEN tags_valid THEN json_keys(tags) END"},
        {
            "tag_folded": f"list_transform(tag_keys, lambda k: {fold})",
            "tags_object": "CASE WHEN starts_with(tags, '{') THEN tags_valid "
            "WHEN tags_valid THEN json_type(tags) = 'OBJECT' END",
        },
        {},
        {},
        {},
    ]
    for number, (key, column) in enumerate(tags.items()):
        at, value = f"at_{number}", f"json_{number}"
        twice = f"{at} > 0 AND list_contains(tag_folded[{at} + 1:], {quoted(key)})"
        layers[4][at] = f"list_position(tag_folded, {quoted(key)})"
        pointer = "pointer({})" if {"~", "/"} & set(key) else "'/' || {}"
        there = pointer.format(f"tag_keys[{at}]")
        layers[5][value] = f"CASE WHEN {at} > 0 THEN json_extract(tags, {there}) END"
        layers[6][column] = (
            f"CASE WHEN {twice} THEN tag_value(tags, {quoted(key)}) "
            f"WHEN starts_with({value}, '\"') THEN json_extract_string({value}, '$') END"
        )
    return [layer for layer in layers if layer]


def _final() -> Layer:
    owed, public = columns.COSTS[:2], columns.COSTS[2:]
    return (
        {cost: f"r_{cost}" for cost in owed}
        | {cost: f"coalesce(r_{cost}, 0)" for cost in public}
        | {"charge_day": "CAST(charge_period_start AS DATE)"}
    )


def _notes(layout: Layout) -> str:
    """The codes of all warnings of a row, joined by commas; null where all is well."""
    tests: dict[str, str] = {}
    for cost in columns.COSTS[2:]:
        empty = f"nullif(trim(t_{cost}), '') IS NULL"
        tests |= _faults(layout, cost, f"r_{cost} IS NULL", empty)
    for cost in columns.COSTS:
        tests[f"{cost}_rounded"] = f"{cost}_remainder IS NOT NULL"
    for number in columns.NUMBERS:
        if number not in layout.typed:
            tests[f"{number}_unreadable"] = f"{number} IS NULL AND nullif(trim(t_{number}), '') IS NOT NULL"
    for end in ("billing_period_end", "charge_period_end"):
        tests |= _faults(layout, end, f"{end} IS NULL", f"nullif(trim(t_{end}), '') IS NULL")
    if not layout.dialect.month_first:
        for period in columns.PERIODS:
            if period not in layout.typed:
                tests[f"{period}_slashed"] = f"{period} IS NOT NULL AND contains(t_{period}, '/')"
    tests["charge_period_reversed"] = "charge_period_end < charge_period_start"
    for column, allowed in (
        ("charge_category", columns.CATEGORIES),
        ("charge_frequency", columns.FREQUENCIES),
        ("charge_class", ("Correction",)),
    ):
        # Not IN: the engine makes a join of a longer one.
        tests[f"{column}_unknown"] = " AND ".join(f"{column} <> {quoted(value)}" for value in allowed)
    tests["charge_category_missing"] = "charge_category IS NULL"
    tests["service_name_missing"] = "service_name IS NULL"
    tests["tags_unreadable"] = "tags IS NOT NULL AND NOT coalesce(tags_object, false)"
    tests["billing_currency_case"] = "trim(t_billing_currency) <> billing_currency"
    cases = ", ".join(f"CASE WHEN {test} THEN '{code}' END" for code, test in tests.items())
    return f"CASE WHEN {' OR '.join(f'({test})' for test in tests.values())} THEN concat_ws(',', {cases}) END"


def _faults(layout: Layout, column: str, null: str, empty: str) -> dict[str, str]:
    """A column that should be there: it is missing where its text is empty, else unreadable."""
    if column in layout.typed:
        empty = f"g_{column} IS NULL"
    return {f"{column}_missing": f"{null} AND {empty}", f"{column}_unreadable": f"{null} AND NOT ({empty})"}

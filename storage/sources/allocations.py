"""Turns OpenCost's JSON into tables of text, and the bill of the nodes into what is left of it."""

import csv
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from spend.money import EXACT, plain
from storage.sources.expressions import ANY_NUMBER
from storage.sources.files import BillFile, in_words
from storage.sources.problems import Grade, Problem, refusal

DIFFERENCE = "__difference__"
#: What of an allocation its nodes are billed for; the rest are disks, load balancers and traffic.
OF_NODES = ("cpuCost", "ramCost", "gpuCost")
COST = "totalCost"
#: Digits before the point of an amount that can be kept.
MOST_DIGITS = 18
#: Bytes of one file: it is held in memory, and what is read of it takes some times as much.
LARGEST = 32 << 20
#: What an answer says of itself when it is one.
OK = "200"
PROPERTIES = ("cluster", "namespace", "controllerKind", "controller", "pod", "container", "node")
#: Those of the table that an answer becomes.
COLUMNS = ("name", "window.start", "window.end", COST, *PROPERTIES, "tags")
NOTHING_LEFT = "skipped: the nodes cost what their allocations add up to"
#: What is kept of an allocation or an asset, so that large answers take little memory.
KEPT = frozenset({"name", "type", "window", "properties", "totalCost"})
KEPT |= {*OF_NODES, *(f"{name}Adjustment" for name in OF_NODES)}
Row = dict[str, str]
#: An allocation or an asset, as OpenCost tells it.
Entry = dict[str, Any]
#: A cluster, and the start and end of a window.
Window = tuple[str, str, str]


def unfold(files: Sequence[BillFile], staging: Path) -> tuple[list[BillFile], list[Problem]]:
    """Each JSON file of allocations as a table; node assets beside them as the difference to them.

    Raises:
        BillRefused: a file is not whole JSON, or there are assets and nothing that they could be compared to.
    """
    tables: dict[Path, Path] = {}
    nodes: dict[Path, list[Entry]] = {}
    allocated: dict[Window, Decimal] = {}
    for number, file in enumerate(files):
        if file.path.suffix != ".json":
            continue
        entries = _entries(file)
        tables[file.path] = staging / f"table-{number}.csv"
        # Written at once: the files of a month would not fit into memory together.
        _write(tables[file.path], (_row(one) for one in entries if not _asset(one)))
        nodes[file.path] = [one for one in entries if one.get("type") == "Node"]
        for window, amount in _nodes_share(file, entries):
            allocated[window] = EXACT.add(allocated.get(window, Decimal(0)), amount)
    unfolded, skipped = [], []
    for file in files:
        if file.path not in tables:
            unfolded.append(file)
            continue
        table = tables[file.path]
        _write(table, _differences(file, nodes[file.path], allocated))
        if table.stat().st_size:
            unfolded.append(replace(file, path=table, by_row=True))
        else:
            skipped.append(Problem(file.shown, None, None, "skipped", NOTHING_LEFT, Grade.NOTE))
    return unfolded, skipped


class NoAnswer(ValueError):
    """A text that is no whole answer of OpenCost's."""


def answer(text: str) -> list[Entry]:
    """The allocations or assets of all windows of an answer; numbers stay the text that they are.

    Raises:
        NoAnswer: it is not whole JSON, has another shape, or says itself that it failed.
    """
    try:
        said = json.loads(text, parse_float=str, parse_int=str, parse_constant=str, object_pairs_hook=_kept)
    except ValueError as error:
        raise NoAnswer(f"this is not whole JSON: {error}") from error
    except RecursionError as error:
        raise NoAnswer("this is not whole JSON: it is nested deeper than any answer") from error
    code, data = (said.get("code", OK), said.get("data")) if isinstance(said, dict) else (OK, None)
    if code != OK:
        raise NoAnswer(
            f"OpenCost answered with code {code}: {str(said.get('message', 'no word more'))[:200]}"
        )
    if not isinstance(data, dict | list):
        raise NoAnswer("this JSON holds no allocations of OpenCost: not a bill")
    windows = [data] if isinstance(data, dict) else data
    named = (each for window in windows if isinstance(window, dict) for each in window.items())
    return [{"name": name} | one for name, one in named if isinstance(one, dict)]


def _kept(pairs: Sequence[tuple[str, Any]]) -> Entry:
    found = dict(pairs)
    if len(found) < len(pairs):  # one of them would be lost
        raise NoAnswer("a name is there twice in one object")
    return {key: found[key] for key in found.keys() & KEPT} if {COST, "window"} <= found.keys() else found


def _entries(file: BillFile) -> list[Entry]:
    with in_words(file):
        if (size := file.path.stat().st_size) > LARGEST:
            reason = f"this JSON has {size} bytes, and {LARGEST} at most are read; write a file for each day"
            raise refusal(file.shown, "too_large", reason)
        content = file.path.read_bytes()
    try:
        found = answer(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise refusal(file.shown, "encoding", "this is not UTF-8 text; export it as UTF-8") from error
    except NoAnswer as error:
        raise refusal(file.shown, "json", str(error)) from error
    if not found:
        raise refusal(file.shown, "not_a_bill", "this JSON holds no allocations of OpenCost: not a bill")
    if not any(COST in one for one in found):
        reason = "nothing in this file says what it costs, and a bill cannot be read safely without it"
        raise refusal(file.shown, "column_missing", reason, line=1, column=COST)
    return found


def _asset(entry: Entry) -> bool:
    return "type" in entry


def window_of(entry: Entry) -> Window:
    """Of which cluster and window an entry is; empty where it does not say."""
    window, properties = _part(entry, "window"), _part(entry, "properties")
    return _text(properties.get("cluster")), _text(window.get("start")), _text(window.get("end"))


def _part(entry: Entry, name: str) -> Entry:
    """An object in an entry; of another shape it says nothing."""
    found = entry.get(name)
    return found if isinstance(found, dict) else {}


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _nodes_share(file: BillFile, entries: Sequence[Entry]) -> Iterator[tuple[Window, Decimal]]:
    for entry in entries:
        if not _asset(entry):
            for name in (*OF_NODES, *(f"{name}Adjustment" for name in OF_NODES)):
                yield window_of(entry), _amount(file, entry, name) if name in entry else Decimal(0)


def _amount(file: BillFile, entry: Entry, name: str) -> Decimal:
    text = _text(entry.get(name))
    found = Decimal(text) if re.fullmatch(ANY_NUMBER, text) else None
    if found is None or found.adjusted() >= MOST_DIGITS:
        reason = f"“{text[:60]}” of {_text(entry['name'])} is not an amount of money"
        raise refusal(file.shown, "money_unreadable", reason, column=name)
    return found


def _row(entry: Entry) -> Row:
    cluster, start, end = window_of(entry)
    properties = _part(entry, "properties")
    tags = _part(properties, "namespaceLabels") | _part(properties, "labels")
    row = {"name": _text(entry["name"]), "cluster": cluster, "window.start": start, "window.end": end}
    row |= {COST: _text(entry[COST])} if COST in entry else {}
    return row | {name: str(properties.get(name) or "") for name in PROPERTIES} | {"tags": json.dumps(tags)}


def _differences(file: BillFile, nodes: Sequence[Entry], allocated: Mapping[Window, Decimal]) -> list[Row]:
    """For each window, what its nodes cost beyond what is allocated of them."""
    if nodes and not allocated:
        reason = "these are assets alone; bring their allocations with them"
        raise refusal(file.shown, "no_allocations", reason)
    bills: dict[Window, Decimal] = {}
    for entry in nodes:
        cost = _amount(file, entry, COST)
        bills[window_of(entry)] = EXACT.add(bills.get(window_of(entry), Decimal(0)), cost)
    return [
        dict(zip(("cluster", "window.start", "window.end"), window, strict=True))
        | {"name": DIFFERENCE, COST: plain(left)}
        for window, bill in bills.items()
        if (left := EXACT.subtract(bill, allocated.get(window, Decimal(0))))
    ]


def _write(table: Path, rows: Iterable[Row]) -> None:
    with table.open("a", encoding="utf-8", errors="backslashreplace", newline="") as out:
        writer = csv.DictWriter(out, COLUMNS)
        for number, row in enumerate(rows):
            if not number and not out.tell():
                writer.writeheader()
            writer.writerow(row)

"""Turns OpenCost's JSON into tables of text, and the bill of the nodes into what is left of it."""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from spend.money import EXACT, plain
from storage.sources.files import BillFile, in_words
from storage.sources.problems import Grade, Problem, refusal

DIFFERENCE = "__difference__"
#: What of an allocation its nodes are billed for; the rest are disks, load balancers and traffic.
OF_NODES = ("cpuCost", "ramCost", "gpuCost")
PROPERTIES = ("cluster", "namespace", "controllerKind", "controller", "pod", "container", "node")
NOTHING_LEFT = "skipped: the nodes cost what their allocations add up to"
Row = dict[str, str]
#: A cluster, and the start and end of a window.
Window = tuple[str, str, str]


def unfold(files: Sequence[BillFile], staging: Path) -> tuple[list[BillFile], list[Problem]]:
    """Each JSON file of allocations as a table; node assets beside them as the difference to them.

    Raises:
        BillRefused: a file is not whole JSON, or there are assets and nothing that they could be compared to.
    """
    documents = {file.path: _entries(file) for file in files if file.path.suffix == ".json"}
    allocated: dict[Window, Decimal] = {}
    for entries in documents.values():
        for window, amount in _nodes_share(entries):
            allocated[window] = EXACT.add(allocated.get(window, Decimal(0)), amount)
    unfolded, skipped = [], []
    for number, file in enumerate(files):
        if file.path not in documents:
            unfolded.append(file)
            continue
        entries = documents[file.path]
        rows = [_row(one) for one in entries if not _asset(one)] + _differences(file, entries, allocated)
        if rows:
            unfolded.append(_table(file, rows, staging / f"table-{number}.csv"))
        else:
            skipped.append(Problem(file.shown, None, None, "skipped", NOTHING_LEFT, Grade.NOTE))
    return unfolded, skipped


def _entries(file: BillFile) -> list[dict[str, Any]]:
    """The allocations or assets of all windows; numbers stay the text that they are."""
    with in_words(file):
        text = file.path.read_text(encoding="utf-8-sig", errors="replace")
    try:
        said = json.loads(text, parse_float=str, parse_int=str, parse_constant=str)
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", None)
        raise refusal(file.shown, "json", f"this is not whole JSON: {error}", line=line) from error
    data = said.get("data") if isinstance(said, dict) else None
    windows = [data] if isinstance(data, dict) else data if isinstance(data, list) else []
    named = (each for window in windows if isinstance(window, dict) for each in window.items())
    found = [{"name": name} | one for name, one in named if isinstance(one, dict)]
    if not found:
        raise refusal(file.shown, "not_a_bill", "this JSON holds no allocations of OpenCost: not a bill")
    return found


def _asset(entry: Mapping[str, Any]) -> bool:
    return "type" in entry


def _window(entry: Mapping[str, Any]) -> Window:
    window, properties = entry.get("window") or {}, entry.get("properties") or {}
    return str(properties.get("cluster", "")), str(window.get("start", "")), str(window.get("end", ""))


def _nodes_share(entries: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Window, Decimal]]:
    for entry in entries:
        if not _asset(entry):
            # What cannot be read of a part is left to the total, which is checked.
            for name in (*OF_NODES, *(f"{name}Adjustment" for name in OF_NODES)):
                yield _window(entry), _amount(entry.get(name)) or Decimal(0)


def _amount(text: Any) -> Decimal | None:
    try:
        found = Decimal(str(text))
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def _row(entry: Mapping[str, Any]) -> Row:
    cluster, start, end = _window(entry)
    properties = entry.get("properties") or {}
    tags = {**(properties.get("namespaceLabels") or {}), **(properties.get("labels") or {})}
    row = {"name": str(entry["name"]), "cluster": cluster, "window.start": start, "window.end": end}
    row |= {name: str(entry[name]) for name in ("totalCost",) if name in entry}
    return row | {name: str(properties.get(name) or "") for name in PROPERTIES} | {"tags": json.dumps(tags)}


def _differences(
    file: BillFile, entries: Sequence[Mapping[str, Any]], allocated: Mapping[Window, Decimal]
) -> list[Row]:
    """For each window, what its nodes cost beyond what is allocated of them."""
    nodes = [entry for entry in entries if entry.get("type") == "Node"]
    if nodes and not allocated:
        reason = "these are assets alone; bring their allocations with them"
        raise refusal(file.shown, "no_allocations", reason)
    bills: dict[Window, Decimal] = {}
    for entry in nodes:
        if (cost := _amount(entry.get("totalCost"))) is None:
            reason = f"“{entry.get('totalCost')}” of {entry['name']} is not an amount of money"
            raise refusal(file.shown, "money_unreadable", reason, column="totalCost")
        bills[_window(entry)] = EXACT.add(bills.get(_window(entry), Decimal(0)), cost)
    return [
        dict(zip(("cluster", "window.start", "window.end"), window, strict=True))
        | {"name": DIFFERENCE, "totalCost": plain(left)}
        for window, bill in bills.items()
        if (left := EXACT.subtract(bill, allocated.get(window, Decimal(0))))
    ]


def _table(file: BillFile, rows: Sequence[Row], path: Path) -> BillFile:
    columns = list(dict.fromkeys(name for row in rows for name in row)) or ["name"]
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, columns)
        writer.writeheader()
        writer.writerows(rows)
    return replace(file, path=path, by_row=True)

"""Reads what invoices say: FOCUS 1.4's Invoice Detail datasets, which lie beside a bill."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from spend.money import EXACT, ZERO, quantize
from storage.sources.columns import OTHER_DATASETS, recognise
from storage.sources.currencies import CODES
from storage.sources.expressions import ANY_NUMBER, EMPTY, located
from storage.sources.files import BillFile, header, records
from storage.sources.problems import Grade, Problem

NEEDS = ("invoice_id", "billing_currency", "billed_cost")
MARKS = OTHER_DATASETS["invoice detail"]
STATUS = "invoice_issue_status"
#: FOCUS 1.4: the statuses of an invoice that asks for nothing, or not yet.
NOT_ISSUED = frozenset({"open", "voided"})
COMPARED = "read: what invoices say is compared with their charges"
Row = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Said:
    """What an invoice says is to be paid."""

    invoice: str
    currency: str
    amount: Decimal


def read(connection: Any, files: Sequence[BillFile]) -> tuple[list[Said], list[Problem]]:
    """Add up the details of each invoice that was issued.

    An invoice of which a line cannot be read is left out, with a warning: half a sum ties out to nothing.

    Args:
        files: whatever lies beside the bill; what is no Invoice Detail is passed over.
    """
    sums: dict[tuple[str, str], Decimal] = {}
    broken: set[str] = set()
    problems: list[Problem] = []
    for file in files:
        cells = [recognise(cell) for cell in _cells(connection, file)]
        if not (MARKS & set(cells) and set(NEEDS) <= set(cells)):
            continue
        problems.append(Problem(file.shown, None, None, "invoice_detail", COMPARED, Grade.NOTE))
        for line, row in _rows(connection, file, cells):
            invoice, currency = row["invoice_id"], row["billing_currency"].upper()
            if not invoice or row.get(STATUS, "").lower() in NOT_ISSUED:
                continue
            amount = amount_of(row["billed_cost"])
            if amount is None or currency not in CODES:
                broken.add(invoice)
                problems.append(_unreadable(file, line, invoice, amount, row))
            else:
                sums[invoice, currency] = EXACT.add(sums.get((invoice, currency), ZERO), amount)
    return [Said(*key, amount) for key, amount in sorted(sums.items()) if key[0] not in broken], problems


def beside(
    connection: Any, files: Sequence[BillFile], skipped: Sequence[Problem]
) -> tuple[list[Said], list[Problem]]:
    """What invoices say that lie beside a bill, and what is to be said of the files that are no bill.

    Args:
        skipped: what was said of the files of a delivery that are no bill.
    """
    names = {problem.file for problem in skipped}
    said, problems = read(connection, [file for file in files if file.shown in names])
    compared = {problem.file for problem in problems}
    return said, [problem for problem in skipped if problem.file not in compared] + problems


def amount_of(text: str) -> Decimal | None:
    """An amount that can be kept exactly, or None."""
    try:
        return quantize(Decimal(text)) if re.fullmatch(ANY_NUMBER, text) else None
    except InvalidOperation:  # too large for any invoice
        return None


def _unreadable(file: BillFile, line: int, invoice: str, amount: Decimal | None, row: Row) -> Problem:
    column, text = (
        ("BilledCost", "billed_cost") if amount is None else ("BillingCurrency", "billing_currency")
    )
    message = f"“{row[text][:60]}” cannot be read, so that invoice {invoice} is not compared with its charges"
    return Problem(file.shown, line, column, "invoice_unreadable", message, Grade.WARN)


def _cells(connection: Any, file: BillFile) -> list[str]:
    if not file.parquet:
        return header(file)[0]
    scan = f"read_parquet({located(file.path)})"
    return [str(row[0]) for row in connection.execute(f"DESCRIBE SELECT * FROM {scan}").fetchall()]


def _rows(connection: Any, file: BillFile, cells: Sequence[str]) -> Iterator[tuple[int, Row]]:
    """The rows as text with their lines; null and missing are empty."""
    if not file.parquet:
        for line, texts in records(file, header(file)[1]):
            padded = [_filled(text) for text in texts] + [""] * (len(cells) - len(texts))
            yield line, dict(zip(cells, padded, strict=False))
        return
    scan = f"read_parquet({located(file.path)})"
    found = connection.execute(f"SELECT CAST(COLUMNS(*) AS VARCHAR) FROM {scan}").fetchall()
    for number, texts in enumerate(found, start=1):
        yield number, dict(zip(cells, [_filled(text) for text in texts], strict=True))


def _filled(text: str | None) -> str:
    stripped = (text or "").strip()
    return "" if stripped in EMPTY else stripped

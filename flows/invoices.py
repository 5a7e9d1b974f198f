"""Tying bills out: what an invoice says, what its charges add up to, and what is left between them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from flows.desk import Desk
from spend.errors import SettingsWrong
from spend.money import CENT, ZERO, minus, plain, quantize
from storage import invoices, records
from storage.invoices import Key
from storage.sources.currencies import CODES
from storage.sources.invoices import Said
from storage.sources.problems import Grade, Problem
from storage.tables import Invoice


@dataclass(frozen=True, slots=True)
class Line:
    """One invoice and its charges.

    Attributes:
        invoice: None for the charges that name no invoice.
        billed: the BilledCost of its charges in the current bills.
        told: what the invoice says; None where nobody told.
        told_by: the delivery or the person that told.
    """

    source: str
    invoice: str | None
    currency: str
    billed: Decimal
    told: Decimal | None
    told_by: str | None

    @property
    def residual(self) -> Decimal | None:
        """What the charges are more than the invoice; None where nobody told what it says."""
        return None if self.told is None else minus(self.billed, self.told)

    @property
    def open(self) -> bool:
        """Whether more is left than rounding explains."""
        return self.residual is not None and abs(self.residual) > CENT

    def to_data(self) -> dict[str, Any]:
        """Plain data in the shape that scripts read."""
        amounts = {"billed": self.billed, "told": self.told, "residual": self.residual}
        return {
            "source": self.source,
            "invoice": self.invoice,
            "currency": self.currency,
            **{name: None if amount is None else plain(amount) for name, amount in amounts.items()},
            "told_by": self.told_by,
        }

    def problem(self) -> Problem:
        """The warning that it does not tie out."""
        residual = self.residual or ZERO
        message = (
            f"the invoice says {plain(self.told or ZERO)} {self.currency} and its charges add up to "
            f"{plain(self.billed)}: {plain(abs(residual))} {'too much' if residual > 0 else 'is missing'}"
        )
        return Problem(f"invoice {self.invoice}", None, "BilledCost", "invoice_residual", message, Grade.WARN)


def lines(desk: Desk, source: str | None = None) -> list[Line]:
    """Every invoice that is known, of one source or of all; charges without one are a line of their own."""
    with desk.store.reading() as session:
        told = invoices.told(session, source)
        current = [row for row in records.current_snapshots(session) if source in {None, row.source}]
    billed = invoices.billed(desk.lake, desk.store, [row.id for row in current])
    naming = {key[0] for key in {*told, *billed} if key[1] is not None}
    found = (_line(key, billed, told) for key in sorted({*told, *billed}, key=str) if key[0] in naming)
    return sorted(found, key=lambda line: (line.source, line.invoice is None))


def of_delivery(desk: Desk, source: str, snapshots: Collection[str], said: Collection[Said]) -> list[Line]:
    """The invoices that a delivery speaks of, as far as anybody told what they say."""
    with desk.store.reading() as session:
        told = invoices.told(session, source)
        current = [row.id for row in records.current_snapshots(session) if row.source == source]
    if not told:
        return []
    names = {key[1] for key in invoices.billed(desk.lake, desk.store, list(snapshots))}
    names |= {one.invoice for one in said}
    billed = invoices.billed(desk.lake, desk.store, current)
    return [_line(key, billed, told) for key in sorted(told) if key[1] in names]


def _line(key: Key, billed: dict[Key, Decimal], told: dict[Key, Invoice]) -> Line:
    row = told.get(key)
    by = None if row is None else row.delivery or row.told_by
    return Line(*key, billed.get(key, ZERO), None if row is None else row.amount, by)


def tell(
    desk: Desk, invoice: str, *, source: str, amount: Decimal, currency: str, actor: str, now: datetime
) -> Line:
    """Keep what an invoice says; how it ties out now.

    Raises:
        SettingsWrong: there is no such currency, or no bill of this source.
    """
    if currency not in CODES:
        raise SettingsWrong(f"A currency is a code of ISO 4217 as USD; {currency!r} is not.")
    with desk.store.reading() as session:
        known = sorted({row.source for row in records.current_snapshots(session)})
    if source not in known:
        raise SettingsWrong(
            f"There is no bill of a source {source!r}; there are: {', '.join(known) or 'none'}."
        )
    with desk.store.writing(now) as unit:
        invoices.keep(unit, source, [Said(invoice, currency, quantize(amount))], told_by=actor)
    return next(line for line in lines(desk, source) if (line.invoice, line.currency) == (invoice, currency))


def remove(desk: Desk, invoice: str, *, source: str, currency: str, actor: str, now: datetime) -> None:
    """Take back what was told of an invoice.

    Raises:
        NotFound: nobody told what it says.
    """
    with desk.store.writing(now) as unit:
        invoices.remove(unit, source, invoice, currency, by=actor)

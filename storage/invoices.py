"""What invoices say, as deliveries and people told it, and what their charges add up to."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from spend.errors import NotFound
from storage import tables
from storage.charges import SOURCE
from storage.costs import costs
from storage.lake import Lake
from storage.sources.invoices import Said
from storage.store import Store
from storage.unit import Unit

INVOICE = "invoice_id"
#: The source, the invoice, or None for charges that name none, and the currency.
Key = tuple[str, str | None, str]


def told(session: Session, source: str | None = None) -> dict[Key, tables.Invoice]:
    """What invoices say, of one source or of all."""
    table: Any = tables.Invoice
    query = select(table) if source is None else select(table).where(table.source == source)
    return {(row.source, row.invoice, row.currency): row for row in session.execute(query).scalars()}


def keep(unit: Unit, source: str, said: Iterable[Said], *, told_by: str, delivery: str | None = None) -> None:
    """Keep what invoices say. What a person read on the invoice stands against what a file says of it."""
    known = told(unit.session, source)
    for one in said:
        before = known.get((source, one.invoice, one.currency))
        if before is not None and (before.amount == one.amount or (delivery and before.delivery is None)):
            continue
        unit.session.merge(
            tables.Invoice(
                source=source,
                invoice=one.invoice,
                currency=one.currency,
                amount=one.amount,
                told_by=told_by,
                told_at=unit.now,
                delivery=delivery,
            )
        )
        unit.record(
            "invoice.tell",
            actor=told_by,
            subject=one.invoice,
            before={"amount": before.amount} if before else None,
            after={"source": source, "currency": one.currency, "amount": one.amount, "delivery": delivery},
        )


def remove(unit: Unit, source: str, invoice: str, currency: str, *, by: str) -> None:
    """Take back what was told of an invoice.

    Raises:
        NotFound: nobody told what it says.
    """
    row = unit.session.get(tables.Invoice, (source, invoice, currency))
    if row is None:
        raise NotFound(f"Nobody told what {invoice} of {source} says in {currency}; see `bursar invoices`.")
    before = {"source": source, "currency": currency, "amount": row.amount, "told_by": row.told_by}
    unit.session.delete(row)
    unit.record("invoice.remove", actor=by, subject=invoice, before=before)


def billed(lake: Lake, store: Store, snapshots: Sequence[str]) -> dict[Key, Decimal]:
    """BilledCost by source and invoice, exactly (FOCUS 1.2: it adds up to the invoice)."""
    if not snapshots:
        return {}
    found = costs(lake, store, by=(SOURCE, INVOICE), snapshots=snapshots).rows
    return {(row[SOURCE], row[INVOICE], row["currency"]): row["billed_cost"] for row in found}

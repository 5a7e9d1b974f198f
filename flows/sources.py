"""Where bills come from: how each source stands, and what Google bills that no bill has told of yet."""

from dataclasses import dataclass
from datetime import date, datetime

from flows import spending
from flows.desk import Desk
from storage import deliveries, records
from storage.costs import complete_through_by_source
from storage.sources.dialects import DIALECTS
from storage.sources.gcp_billing import Billing, BillingAccount


@dataclass(frozen=True, slots=True)
class Standing:
    """One source of bills, as the settings describe it and as its deliveries have been.

    Attributes:
        place: where its bills lie; None for one that is not in the settings.
        format: how they are written, as far as that is known, and so the next two.
        freshness: how fine the times of its charges are.
        settles: days after the end of a period until its figures rest; None where nobody says.
        delivered_at: when it was last imported, or tried to be; `outcome` says which.
        complete_through: the last day that is complete in its bills.
        watched: whether it is late, silent or shrunk.
    """

    source: str
    place: str | None
    format: str | None
    freshness: str | None
    settles: int | None
    delivered_at: datetime | None
    outcome: str | None
    complete_through: date | None
    watched: tuple[str, ...]


def listed(desk: Desk) -> list[Standing]:
    """Every source that the settings name or that a bill is kept of, by name."""
    with desk.store.reading() as session:
        through = complete_through_by_source(records.current_snapshots(session))
        formats = deliveries.dialects(session)
        wrong = deliveries.watched(session)
        last = {
            name: next(iter(deliveries.find(session, source=name, limit=1)), None)
            for name in {*desk.org.sources, *formats, *through}
        }
    found = []
    for name, delivery in sorted(last.items()):
        source = desk.org.sources.get(name)
        kind = (source.kind if source else None) or formats.get(name)
        dialect = DIALECTS.get(kind or "")
        found.append(
            Standing(
                source=name,
                place=source.place if source else None,
                format=kind,
                freshness=str(dialect.freshness) if dialect else None,
                settles=dialect.settles if dialect else None,
                delivered_at=delivery.at if delivery else None,
                outcome=delivery.outcome if delivery else None,
                complete_through=through.get(name),
                watched=tuple(sorted({one.condition for one in wrong if one.source == name})),
            )
        )
    return found


@dataclass(frozen=True, slots=True)
class Project:
    """A project that Google bills.

    Attributes:
        enabled: False where Google has stopped its billing.
        charges: whether the bills here have charges of it; None where there is no bill of its account.
    """

    project: str
    enabled: bool
    charges: bool | None


@dataclass(frozen=True, slots=True)
class Billed:
    """A billing account of Google's, and its projects by name."""

    account: BillingAccount
    projects: tuple[Project, ...]


def billed(desk: Desk, billing: Billing, account: str | None = None) -> list[Billed]:
    """What Google bills, by account and project, held against the bills that are here.

    Args:
        account: only this one.

    Raises:
        NotFound: Google shows no such account.
        InputRefused: Google refuses or does not answer.
    """
    accounts = billing.accounts(account)
    charged: dict[str, set[str | None]] = {}
    for row in spending.costs(desk, by=("billing_account_id", "sub_account_id")).rows:
        charged.setdefault(row["billing_account_id"], set()).add(row["sub_account_id"])
    return [
        Billed(
            each,
            tuple(
                Project(one.id, one.enabled, one.id in charged[each.id] if each.id in charged else None)
                for one in sorted(billing.projects(each.id), key=lambda one: one.id)
            ),
        )
        for each in accounts
    ]

"""A bill that only says who used what of another's money: shown when asked for, never counted twice."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from flows import allocating, anomalies, digests, ingestion, spending
from flows.org import Org
from spend.errors import NotFound
from spend.money import cents, total
from spend.period import DAY
from storage.costs import CostTable
from storage.sources.remote import Source
from tests.flows.world import BILL, FIN, JUNE, ORG, WEEK, Company

#: What each namespace of the cluster used on each day; the cloud bills its node for 10.
USED = {"shop": ("6", "web"), "mart": ("1.5", "data"), "__idle__": ("2.5", "")}


def allocations(folder: Path) -> Path:
    windows = []
    for day in JUNE.days():
        window = {"start": f"{day}T00:00:00Z", "end": f"{day + DAY}T00:00:00Z"}
        windows.append(
            {
                name: {
                    "totalCost": float(cost),
                    "window": window,
                    "properties": {"cluster": "c1", "namespace": name, "labels": {"team": team}},
                }
                for name, (cost, team) in USED.items()
            }
        )
    path = folder / "allocations.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"code": 200, "data": windows}), encoding="utf-8")
    return path


def divide(company: Company) -> None:
    """Import what the cluster's namespaces used."""
    path = allocations(company.home / "in")
    ingestion.bring_in(company.desk, [path], currency="USD", source=None, actor=FIN, now=company.now)


def spent(found: CostTable) -> dict[str, Decimal]:
    return {row["currency"]: row["effective_cost"] for row in found.totals}


def bill(currency: str = "USD") -> Decimal:
    return total(
        Decimal(row["EffectiveCost"]) for row in BILL if row.get("BillingCurrency", "USD") == currency
    )


@pytest.fixture
def divided(billed_on_sqlite: Company) -> Company:
    """The company with its bill and its cluster's allocations."""
    divide(billed_on_sqlite)
    return billed_on_sqlite


def test_the_ledger_and_all_totals_are_still_those_of_the_bill(billed: Company) -> None:
    divide(billed)
    whole = {"EUR": bill("EUR"), "USD": bill()}
    assert {currency: used for currency, (used, _) in billed.ledger().items()} == whole
    found = spending.costs(billed.desk, by=("source",))
    assert (spent(found), found.left_out) == (whole, ("opencost",))
    by_team = spending.costs(billed.desk, by=("team",))
    assert (spent(by_team), by_team.left_out) == (whole, ("opencost",))
    digest = digests.build(billed.desk, None, WEEK, billed.now)
    lines = [row for row in BILL if WEEK.start.isoformat() <= row["ChargePeriodStart"] < WEEK.end.isoformat()]
    week = total(Decimal(row["EffectiveCost"]) for row in lines if "BillingCurrency" not in row)
    assert [figure.total for figure in digest.figures if figure.currency == "USD"] == [cents(week)]
    assert anomalies.look(billed.desk, billed.now) == []


def test_it_is_shown_where_it_is_asked_for_and_so_is_what_each_team_used_of_the_cluster(
    divided: Company,
) -> None:
    wanted = {"source": "opencost"}
    found = spending.costs(divided.desk, by=("x_namespace",), where=wanted)
    assert {row["x_namespace"]: row["effective_cost"] for row in found.rows} == {
        name: Decimal(cost) * len(JUNE) for name, (cost, _) in USED.items()
    }
    assert found.left_out == ()
    teams = spending.costs(divided.desk, by=("team",), where=wanted, start=WEEK.start, end=WEEK.end)
    assert {row["team"]: row["effective_cost"] for row in teams.rows} == {
        "data": Decimal("10.5"), "web": Decimal(42), None: Decimal("17.5"),
    }  # fmt: skip


def test_the_settings_have_the_last_word(divided: Company) -> None:
    def with_counts(counts: bool | None) -> Any:
        return {"opencost": Source("opencost", "/bills", "opencost", "USD", counts=counts)}

    divided.with_org(sources=with_counts(True))
    assert allocating.reallocate(divided.desk, divided.now) > 0
    assert divided.ledger()["USD"][0] == bill() + 10 * len(JUNE)
    assert spending.costs(divided.desk).left_out == ()
    divided.with_org(sources=with_counts(False))
    allocating.reallocate(divided.desk, divided.now)
    assert divided.ledger()["USD"][0] == bill()
    assert divided.chain_holds()


def test_alone_it_counts_until_the_bill_comes(on_sqlite: Company) -> None:
    divide(on_sqlite)
    assert on_sqlite.ledger("web") == {"USD": (Decimal(6) * len(JUNE), Decimal(0))}
    assert spending.costs(on_sqlite.desk).left_out == ()
    on_sqlite.bill()
    assert on_sqlite.ledger()["USD"][0] == bill()


def test_a_source_of_any_format_can_be_told_not_to_count(billed_on_sqlite: Company) -> None:
    billed_on_sqlite.with_org(sources={"focus": Source("focus", "/bills", counts=False)})
    allocating.reallocate(billed_on_sqlite.desk, billed_on_sqlite.now)
    assert billed_on_sqlite.ledger() == {}
    with pytest.raises(NotFound, match="no bill yet"):
        digests.build(billed_on_sqlite.desk, None, WEEK, billed_on_sqlite.now)
    assert isinstance(ORG, Org)
    assert ORG.counts == {}

"""Every bill that somebody else totalled, read and asked for by the commands that finance uses."""

import csv
import gzip
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import pytest

from bot import cli
from tests.storage.lake.bills import SHARED

pytestmark = [pytest.mark.shared_data, pytest.mark.usefixtures("empty")]
CUR = "synthetic/aws-cur/cur/spend-cur"
OCTOBER = f"{CUR}/20261001-20261101"
#: Where each entry of the totals lies, by how its name begins.
PLACES = {
    "real/focus-1.0/": "real/focus-1.0",
    "synthetic/focus-1.2-aws/": "synthetic/focus-1.2-aws",
    "synthetic/focus-1.2-azure/": "synthetic/focus-1.2-azure",
    "synthetic/focus-1.3-gcp/": "synthetic/focus-1.3-gcp",
    "synthetic/focus-1.4-gcp/": "synthetic/focus-1.4-gcp",
    "synthetic/aws-cur 20260901": f"{CUR}/20260901-20261001",
    "synthetic/aws-cur 20261001-20261101 [v1": f"{OCTOBER}/45205545-f677-4da1-9093-4c1edb0df80d",
    "synthetic/aws-cur 20261001-20261101 [v2": f"{OCTOBER}/3a197b89-bc41-4f57-9951-0ed88052f2f6",
    "synthetic/aws-cur 20261001-20261101 [v3": f"{OCTOBER}/632a09d6-e784-41d8-9e01-7ac0ee56ec02",
    "synthetic/gcp-detailed-export": "synthetic/gcp-detailed-export",
    "real/aws-cur-legacy": "real/aws-cur-legacy",
}
#: What the totals are given by, where they are: the dimension of ours, and which bases.
BY = {
    "by_day[billed,effective]": ("day", ("billed_cost", "effective_cost")),
    "by_service[billed,effective]": ("service_name", ("billed_cost", "effective_cost")),
    "by_subaccount[billed,effective]": ("sub_account_id", ("billed_cost", "effective_cost")),
    "by_charge_category[rows,billed,effective]": (
        "charge_category",
        ("charges", "billed_cost", "effective_cost"),
    ),
    "by_provider[billed,effective]": ("provider_name", ("billed_cost", "effective_cost")),
    "by_tag[rows,billed,effective]": ("tag", ("charges", "billed_cost", "effective_cost")),
    "by_day": ("day", ("charges", "billed_cost", "effective_cost")),
    "by_account": ("sub_account_id", ("charges", "billed_cost", "effective_cost")),
    "by_product": ("service_name", ("charges", "billed_cost", "effective_cost")),
    "by_tag_team_raw": ("tag", ("charges", "billed_cost", "effective_cost")),
    "by_service": ("service_name", ("charges", "billed_cost")),
    "by_project": ("sub_account_id", ("charges", "billed_cost")),
}
TOTALS = {
    "total_billed": "billed_cost",
    "total_effective": "effective_cost",
    "total_list": "list_cost",
    "total_contracted": "contracted_cost",
    "total_unblended(=sum BilledCost)": "billed_cost",
    "total_effective(rule in README)": "effective_cost",
    "total_cost": "billed_cost",
}


def exact(amount: Any) -> Decimal:
    return Decimal(amount).quantize(Decimal("1e-12"))


def names() -> list[str]:
    return sorted(json.loads((SHARED / "expected.json").read_text())) if SHARED.exists() else list(PLACES)


def told(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    capsys.readouterr()
    assert cli.outcome([*words, "--json"]) == 0, capsys.readouterr().err
    return json.loads(capsys.readouterr().out)


def summed(rows: Iterable[Mapping[str, Any]], dimension: str) -> dict[str, dict[str, Decimal]]:
    """Rows added up by one dimension; what has none is called as the totals call it."""
    found: dict[str, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for row in rows:
        for basis in ("billed_cost", "effective_cost", "list_cost", "contracted_cost", "charges"):
            found[str(row[dimension] or "(untagged)")][basis] += Decimal(row[basis])
    return found


@pytest.mark.parametrize("name", names())
def test_import_and_costs_give_the_totals_that_somebody_else_computed(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    expected: dict[str, Any] = json.loads((SHARED / "expected.json").read_text())[name]
    place = next(path for start, path in PLACES.items() if name.startswith(start))
    report = told(capsys, "import", str(SHARED / place))
    assert sum(one["rows"] for one in report["snapshots"]) == expected["rows"]
    key = "tag:" + expected.get("tag_key", "team")
    dimensions = ["day", "service_name", "sub_account_id", "charge_category", "provider_name", key]
    rows = [
        {"tag" if column == key else column: value for column, value in row.items()}
        for row in told(capsys, "costs", "--by", ",".join(dimensions))["rows"]
    ]
    (total,) = told(capsys, "costs")["totals"]
    assert {basis: exact(total[basis]) for said, basis in TOTALS.items() if said in expected} == {
        basis: exact(expected[said]) for said, basis in TOTALS.items() if said in expected
    }
    for said, (dimension, bases) in BY.items():
        if said in expected:
            found = summed(rows, dimension)
            wanted = {value: [exact(one) for one in sums] for value, sums in expected[said].items()}
            assert {
                value: [exact(found[value][basis]) for basis in bases[: len(sums)]]
                for value, sums in wanted.items()
            } == wanted, said
            assert set(found) == set(wanted), said
    if "untagged_share_of_effective" in expected:
        _of_focus(capsys, expected, rows, total)


def _of_focus(
    capsys: pytest.CaptureFixture[str],
    expected: Mapping[str, Any],
    rows: list[dict[str, Any]],
    total: Mapping[str, str],
) -> None:
    """What the totals of FOCUS files have besides: credits, tax, corrections, waste, and what has no tag."""
    by_category = summed(rows, "charge_category")
    assert exact(by_category["Credit"]["billed_cost"]) == exact(expected["credits_billed"])
    assert exact(by_category["Tax"]["billed_cost"]) == exact(expected["tax_billed"])
    corrections = told(capsys, "costs", "--where", "charge_class=Correction")["rows"]
    assert [sum(int(row["charges"]) for row in corrections)] == [int(expected["corrections[rows,billed]"][0])]
    unused = told(capsys, "costs", "--where", "commitment_discount_status=Unused")["rows"]
    waste = sum((Decimal(row["effective_cost"]) for row in unused), Decimal(0))
    assert exact(waste) == exact(expected["commitment_unused_effective"])
    net = summed(rows, "tag")["(untagged)"]["effective_cost"] / Decimal(total["effective_cost"])
    assert exact(net) == exact(expected["untagged_share_of_effective"])


def test_the_untagged_share_is_one_of_gross_usage_and_so_never_negative(
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = SHARED / "real/focus-1.0/focus_sample.csv.gz"
    if not path.exists():
        pytest.skip("the shared bills are not here")
    told(capsys, "import", str(path))
    gross = without = Decimal(0)
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            cost = Decimal(row["EffectiveCost"])
            if row["ChargeCategory"] == "Usage" and cost > 0:
                gross += cost
                tags = {} if row["Tags"] == "NULL" else json.loads(row["Tags"])
                without += 0 if isinstance(tags.get("application"), str) else cost
    (share,) = told(capsys, "untagged", "application")
    assert (Decimal(share["gross_usage"]), Decimal(share["untagged"])) == (gross, without)
    assert exact(share["share"]) == exact(without / gross)

"""Google's Cloud Billing API, asked over gRPC: every page, prices to the billionth, denials in words."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from google.api_core import exceptions
from google.auth import exceptions as auth_exceptions
from google.cloud import billing_v1 as api

from spend.errors import InputRefused, NotFound
from storage.sources.gcp_billing import Billing, Tier
from storage.sources.google_errors import in_words
from tests.cloudbilling import CloudBilling, serving

#: What Google's libraries raise; they say nothing of types.
raising: Any = exceptions
refusing: Any = auth_exceptions
COMPUTE = "services/6F81-5844-456A"


def sku(name: str, region: str, *tiers: tuple[float, int, int]) -> api.Sku:
    """A SKU with what a unit costs, in whole dollars and billionths, beyond so many units."""
    rates = [
        {"start_usage_amount": beyond, "unit_price": {"currency_code": "USD", "units": units, "nanos": nanos}}
        for beyond, units, nanos in tiers
    ]
    price = {"usage_unit": "h", "usage_unit_description": "hour", "tiered_rates": rates}
    return api.Sku(
        sku_id=name,
        description=f"{name} core",
        category={"usage_type": "OnDemand"},
        service_regions=[region],
        pricing_info=[{"pricing_expression": price}],
    )


HELD = CloudBilling(
    {
        ("ListBillingAccounts", ""): [
            api.BillingAccount(
                name=f"billingAccounts/{one}",
                display_name=f"Account {one}",
                open_=one != "C",
                currency_code="EUR",
                master_billing_account="billingAccounts/A" if one == "B" else "",
            )
            for one in "ABCDE"
        ],
        ("ListProjectBillingInfo", "billingAccounts/A"): [
            api.ProjectBillingInfo(project_id=one, billing_enabled=one != "shop-3")
            for one in ("shop-1", "shop-2", "shop-3")
        ],
        ("ListServices", ""): [
            api.Service(name=f"services/{one}", service_id=one, display_name=name)
            for one, name in (
                ("AAAA", "Cloud SQL"),
                ("BBBB", "Compute Optimizer"),
                ("6F81-5844-456A", "Compute Engine"),
            )
        ],
        ("ListSkus", COMPUTE): [
            sku("N2", "europe-west3", (0.0, 0, 31_611_000)),
            sku("E2", "us-central1", (0.0, 0, 21_811_590), (0.5, 1, 1)),
            sku("Credit", "europe-west3", (0.0, -1, -500_000_000)),
            sku("None", "europe-west3"),
        ],
    },
    denied={"billingAccounts/B"},
)


@pytest.fixture(scope="module")
def billing() -> Iterator[Billing]:
    """What asks the API."""
    with serving(HELD) as found:
        yield found


def test_all_accounts_and_projects_come_whatever_the_number_of_pages(billing: Billing) -> None:
    before = HELD.pages
    found = billing.accounts()
    assert HELD.pages - before == 3
    assert [(one.id, one.open, one.parent) for one in found[:3]] == [
        ("A", True, None),
        ("B", True, "A"),
        ("C", False, None),
    ]
    assert [one.id for one in billing.accounts("E")] == ["E"]
    assert [(one.id, one.enabled) for one in billing.projects("A")] == [
        ("shop-1", True),
        ("shop-2", True),
        ("shop-3", False),
    ]


def test_a_price_is_exact_to_the_billionth_in_each_tier(billing: Billing) -> None:
    found = {one.sku: one for one in billing.unit_prices("compute engine")}
    assert found.keys() == {"N2", "E2", "Credit"}
    assert found["E2"].tiers == (
        Tier(Decimal(0), Decimal("0.021811590")),
        Tier(Decimal("0.5"), Decimal("1.000000001")),
    )
    assert found["Credit"].tiers[0].price == Decimal("-1.5")
    assert (found["N2"].unit, found["N2"].currency, found["N2"].usage) == ("hour", "USD", "OnDemand")
    assert {one.sku for one in billing.unit_prices("6F81-5844-456A", region="us-central1")} == {"E2"}


def test_what_google_denies_or_does_not_know_is_told_with_the_way_out(billing: Billing) -> None:
    with pytest.raises(InputRefused, match=r"account B: Google denies it .*roles/billing\.viewer"):
        billing.projects("B")
    with pytest.raises(InputRefused, match="account Z: there is no such thing; check its id"):
        billing.projects("Z")
    with pytest.raises(NotFound, match="no billing account Z, but A, B, C, D, E; give them roles"):
        billing.accounts("Z")
    with pytest.raises(NotFound, match="no service 'Compute'; is it Compute Engine or Compute Optimizer"):
        billing.unit_prices("Compute")


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        (
            raising.Forbidden("Access Denied: Table p:d.t", errors=[{"reason": "accessDenied"}]),
            "Google denies it (Access Denied: Table p:d.t); ask",
        ),
        (
            raising.BadRequest("Query exceeded limit", errors=[{"reason": "bytesBilledLimitExceeded"}]),
            "raise it",
        ),
        (raising.NotFound("Not found: Table"), "there is no such thing; look"),
        (
            raising.RetryError("Timeout of 30.0s exceeded", cause=OSError("refused")),
            "does not answer (refused)",
        ),
        (raising.TooManyRequests("Quota exceeded\nfor a reason"), "Google says: Quota exceeded"),
        (
            refusing.RefreshError("invalid_grant"),
            "does not take these credentials (invalid_grant); renew them",
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_each_thing_that_googles_libraries_raise_is_one_sentence(raised: Any, said: str) -> None:
    with (
        pytest.raises(InputRefused) as refused,
        in_words("bigquery://p/d", missing="look", denied="ask", large="raise it"),
    ):
        raise raised
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)

"""Where bills come from: how each source stands, and which of Google's projects no bill tells of."""

from google.cloud import billing_v1 as api

from flows import sources, spending
from flows.sources import Project
from storage.sources.remote import Source
from tests.actions.world import ACCOUNT
from tests.cloudbilling import CloudBilling, serving
from tests.flows.world import Company


def test_a_source_is_listed_before_its_first_bill_and_after_it_left_the_settings(
    billed_on_sqlite: Company,
) -> None:
    company = billed_on_sqlite
    company.with_org(sources={"azure": Source("azure", "/bills", "azure")})
    new, left = sources.listed(company.desk)
    assert (new.source, new.place, new.format, new.freshness, new.settles) == (
        "azure",
        "/bills",
        "azure",
        "daily",
        3,
    )
    assert (new.delivered_at, new.outcome, new.complete_through, new.watched) == (None, None, None, ())
    assert (left.source, left.place, left.format, left.outcome) == ("focus", None, "focus", "imported")
    assert left.complete_through == spending.costs(company.desk).complete_through
    assert left.delivered_at is not None


def test_a_project_that_google_bills_and_no_bill_tells_of_is_marked(billed_on_sqlite: Company) -> None:
    held = CloudBilling(
        {
            ("ListBillingAccounts", ""): [
                api.BillingAccount(name=f"billingAccounts/{one}") for one in ("1001", "2002")
            ],
            ("ListProjectBillingInfo", "billingAccounts/1001"): [
                api.ProjectBillingInfo(project_id="silent", billing_enabled=True),
                api.ProjectBillingInfo(project_id=ACCOUNT, billing_enabled=True),
            ],
            ("ListProjectBillingInfo", "billingAccounts/2002"): [api.ProjectBillingInfo(project_id="far")],
        }
    )
    with serving(held) as billing:
        here, elsewhere = sources.billed(billed_on_sqlite.desk, billing)
    assert here.projects == (
        Project(ACCOUNT, enabled=True, charges=True),
        Project("silent", enabled=True, charges=False),
    )
    assert elsewhere.projects == (Project("far", enabled=False, charges=None),)

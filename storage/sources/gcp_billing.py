"""What Google's Cloud Billing tells: who is billed, for which projects, and what things cost by its list."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from spend.errors import NotFound
from storage.sources.google_errors import in_words

#: Seconds after which a Google that does not answer is given up.
PATIENCE = 30
ACCOUNT = "billingAccounts/"
MAY_READ = "give them roles/billing.viewer on the billing account"


@dataclass(frozen=True, slots=True)
class BillingAccount:
    """Who is billed; `parent` is the account that it is a part of, if there is one."""

    id: str
    name: str
    open: bool
    currency: str
    parent: str | None


@dataclass(frozen=True, slots=True)
class BilledProject:
    """A project that an account pays for; `enabled` is False where Google has stopped its billing."""

    id: str
    account: str
    enabled: bool


@dataclass(frozen=True, slots=True)
class Tier:
    """What one unit costs beyond so many units."""

    beyond: Decimal
    price: Decimal


@dataclass(frozen=True, slots=True)
class UnitPrice:
    """The list price of one SKU, in `currency` for each `unit`, before any discount.

    Attributes:
        regions: where it holds; `global` for what has no region.
        usage: OnDemand, Preemptible, Commit1Yr or whatever Google tells apart.
        tiers: from the first unit on, in order.
    """

    sku: str
    description: str
    usage: str
    regions: tuple[str, ...]
    unit: str
    currency: str
    tiers: tuple[Tier, ...]


class Billing:
    """Google's answers, through clients of its library; a page is asked for when it is needed."""

    def __init__(self, accounts: Any, catalogue: Any) -> None:
        self._accounts, self._catalogue = accounts, catalogue

    def accounts(self, wanted: str | None = None) -> list[BillingAccount]:
        """The billing accounts that these credentials may see, or one of them.

        Raises:
            NotFound: they may not see this one.
            InputRefused: Google refuses or does not answer.
        """
        with _told("billing accounts"):
            found = [
                BillingAccount(
                    each.name.removeprefix(ACCOUNT),
                    each.display_name,
                    each.open_,
                    each.currency_code,
                    each.master_billing_account.removeprefix(ACCOUNT) or None,
                )
                for each in self._accounts.list_billing_accounts(timeout=PATIENCE)
            ]
        shown = [each for each in found if wanted in (None, each.id)]
        if wanted is not None and not shown:
            raise NotFound(
                f"Google shows these credentials no billing account {wanted}, but "
                f"{', '.join(each.id for each in found) or 'none'}; {MAY_READ}."
            )
        return shown

    def projects(self, account: str) -> list[BilledProject]:
        """The projects that an account is billed for.

        Raises:
            InputRefused: Google refuses or does not answer, or there is no such account.
        """
        with _told(f"billing account {account}"):
            found = self._accounts.list_project_billing_info(name=f"{ACCOUNT}{account}", timeout=PATIENCE)
            return [BilledProject(each.project_id, account, each.billing_enabled) for each in found]

    def unit_prices(
        self, service: str, *, region: str | None = None, currency: str = "USD"
    ) -> list[UnitPrice]:
        """The list prices of a service.

        Args:
            service: its id (`6F81-5844-456A`) or its name (`Compute Engine`), letter case apart.
            region: only what holds there.

        Raises:
            NotFound: there is no such service.
            InputRefused: Google refuses or does not answer.
        """
        with _told("price catalogue"):
            parent = self._service(service)
            asked = {"parent": parent, "currency_code": currency}
            skus = self._catalogue.list_skus(request=asked, timeout=PATIENCE)
            return [price for sku in skus if region in (None, *sku.service_regions) for price in _prices(sku)]

    def _service(self, wanted: str) -> str:
        names = []
        for each in self._catalogue.list_services(timeout=PATIENCE):
            if wanted.casefold() in {each.service_id.casefold(), each.display_name.casefold()}:
                return str(each.name)
            names.append(each.display_name)
        near = sorted(name for name in names if wanted.casefold() in name.casefold())
        meant = f"; is it {' or '.join(near[:5])}" if near else ""
        raise NotFound(f"Google has no service {wanted!r}{meant}.")


def connect() -> Billing:
    """Google as this machine's own credentials see it.

    Raises:
        InputRefused: there are none.
    """
    from google.cloud import billing_v1

    with _told("billing accounts"):
        return Billing(billing_v1.CloudBillingClient(), billing_v1.CloudCatalogClient())


def _told(place: str) -> AbstractContextManager[None]:
    return in_words(
        f"Google's {place}",
        missing="check its id",
        denied=f"{MAY_READ}, and enable the Cloud Billing API in the project of these credentials",
    )


def _prices(sku: Any) -> Iterator[UnitPrice]:
    """The price that holds now: Google tells them in the order of time."""
    for info in sku.pricing_info[-1:]:
        told = info.pricing_expression
        tiers = tuple(
            Tier(Decimal(repr(rate.start_usage_amount)), _exact(rate.unit_price))
            for rate in told.tiered_rates
        )
        if tiers:
            yield UnitPrice(
                sku.sku_id,
                sku.description,
                sku.category.usage_type,
                tuple(sku.service_regions),
                told.usage_unit_description or told.usage_unit,
                told.tiered_rates[0].unit_price.currency_code,
                tiers,
            )


def _exact(money: Any) -> Decimal:
    """Whole units and billionths of one, both of the same sign."""
    return Decimal(money.units) + Decimal(money.nanos).scaleb(-9)

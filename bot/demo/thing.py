"""The words of the demo's world: its company, its accounts, and what a thing in a cloud account is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

REGION = "eu-central-1"
ZONE = "eu-central-1a"
#: The account that pays; it holds no resources of its own.
PAYER, PAYER_NAME = "123456789012", "Larkspur Trading"
DEV, PROD, LAB = "111111111111", "222222222222", "333333333333"
ACCOUNTS: Mapping[str, str] = {DEV: "platform-dev", PROD: "shop-prod", LAB: "data-lab"}
CHECKOUT, SEARCH = "checkout", "search"
TEAMS = (CHECKOUT, SEARCH)
#: Hours in a month as AWS quotes monthly prices.
HOURS_A_MONTH = 730


class Kind(StrEnum):
    """What a thing is."""

    INSTANCE = "instance"
    VOLUME = "volume"
    ADDRESS = "address"
    LOAD_BALANCER = "load_balancer"
    GROUP = "auto_scaling_group"
    FUNCTION = "function"


class Profile(StrEnum):
    """How a machine spends its days, as its CPU and network metrics show it."""

    IDLE = "idle"  # CPU under 2 %, a few kilobytes an hour
    BUSY = "busy"  # CPU 20 to 75 %, hundreds of megabytes an hour
    RELAY = "relay"  # CPU under 3 %, gigabytes an hour
    MONTH_END = "month_end"  # idle but for the last and the first day of a month
    SILENT = "silent"  # no metrics at all


@dataclass(frozen=True, slots=True)
class Thing:
    """One resource of an account.

    Attributes:
        name: its Name tag, unique in the world; the cloud gives the real id when it is made.
        model: the instance, volume or load-balancer type in the cloud's words.
        hourly: micro-dollars an hour for one unit of size; 0 where it is billed by use.
        size: gigabytes of a volume, machines of a group, 1 for everything else.
        attached_to: the instance that holds this volume or address, by name.
        group: the auto-scaling group that made this instance, by name.
        targets: the instances behind a load balancer, by name.
        reserved: reserved concurrency of a function; None lets it take the whole account's.
        covered: micro-dollars an hour under the savings plan, or None where it pays list price.
        fails: a stop of it is refused by the cloud.
    """

    account: str
    kind: Kind
    name: str
    model: str
    tags: Mapping[str, str]
    launched_at: datetime
    region: str = REGION
    profile: Profile = Profile.SILENT
    hourly: int = 0
    size: int = 1
    stopped: bool = False
    attached_to: str | None = None
    group: str | None = None
    targets: tuple[str, ...] = field(default=())
    reserved: int | None = None
    covered: int | None = None
    fails: bool = False

    @property
    def monthly_cost(self) -> Decimal:
        """Dollars a month at list price, the hourly charge times 730; 0 when stopped or billed by use."""
        if self.stopped:
            return Decimal(0)
        return Decimal(self.hourly * self.size * HOURS_A_MONTH).scaleb(-6)

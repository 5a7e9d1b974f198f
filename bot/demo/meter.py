"""One line of usage on the demo's bill, and what it counts on a day: exact integers from the seed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum
from random import Random

#: Per mille of an ordinary day, Monday first.
WEEK = (1040, 1060, 1050, 1030, 1000, 740, 700)
#: Shares of a day, midnight UTC first.
HOURS = (18, 15, 14, 13, 14, 18, 28, 42, 54, 60, 62, 60, 57, 58, 60, 61, 60, 57, 54, 52, 48, 42, 31, 22)
_HOURS_TOTAL = sum(HOURS)
#: Three even draws of this many per mille each way: a bell of about 3 %.
_NOISE = 30


class Service(Enum):
    """A service as FOCUS files it: name, category, subcategory."""

    EC2 = ("Amazon Elastic Compute Cloud", "Compute", "Virtual Machines")
    EBS = ("Amazon Elastic Block Store", "Storage", "Block Storage")
    S3 = ("Amazon Simple Storage Service", "Storage", "Object Storage")
    RDS = ("Amazon Relational Database Service", "Databases", "Relational Databases")
    DYNAMODB = ("Amazon DynamoDB", "Databases", "NoSQL Databases")
    LAMBDA = ("AWS Lambda", "Compute", "Serverless Compute")
    CLOUDWATCH = ("Amazon CloudWatch", "Management and Governance", "Observability")
    EKS = ("Amazon Elastic Kubernetes Service", "Compute", "Containers")
    TRANSFER = ("AWS Data Transfer", "Networking", "Network Connectivity")
    VPC = ("Amazon Virtual Private Cloud", "Networking", "Network Infrastructure")
    ELB = ("Elastic Load Balancing", "Networking", "Application Networking")
    BEDROCK = ("Amazon Bedrock", "AI and Machine Learning", "Generative AI")
    TEXTRACT = ("Amazon Textract", "AI and Machine Learning", "Machine Learning")
    SUPPORT = ("AWS Support (Business)", "Other", "Other (Other)")
    PLAN = ("Savings Plans for AWS Compute usage", "Compute", "Other (Compute)")
    TAX = ("Tax", "Other", "Other (Other)")


@dataclass(frozen=True, slots=True)
class Meter:
    """A usage type of one resource, charged every hour or every day.

    Attributes:
        usage: the usage type, FOCUS SkuMeter.
        price: micro-dollars a unit.
        units: ten-thousandths of a unit; in an hour (steady, hourly) or else in an ordinary day.
        thing: the thing whose id and tags stand on the line, by name; or None with `resource` and `tags`.
        hourly: 24 lines a day, else one.
        steady: the same every hour or day; else it follows the week, the hour and a noise of 3 %.
        since: nothing before this time; whole hours.
        surge: per mille of the ordinary amount on the days that an anomaly touches.
        covered: micro-dollars a unit under the savings plan, or None at list price.
    """

    account: str
    service: Service
    usage: str
    description: str
    unit: str
    price: int
    units: int
    thing: str | None = None
    resource: str | None = None
    resource_type: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    hourly: bool = True
    steady: bool = False
    since: datetime | None = None
    surge: tuple[tuple[date, int], ...] = ()
    covered: int | None = None

    @property
    def key(self) -> str:
        """What tells this line from the others of the bill."""
        return f"{self.account}/{self.usage}/{self.thing or self.resource}"

    def periods(self, seed: int, day: date) -> list[tuple[int, int]]:
        """The charge periods of a day: (first hour, ten-thousandths of a unit)."""
        if self.since is not None and day < self.since.date():
            return []
        if self.steady:
            hours = [(hour, self.units) for hour in range(24)] if self.hourly else [(0, self.units)]
        else:
            whole = self._day(seed, day)
            hours = [(h, whole * share // _HOURS_TOTAL) for h, share in enumerate(HOURS)]
            hours = hours if self.hourly else [(0, whole)]
        if self.since is None or day > self.since.date():
            return hours
        return [(hour, units) for hour, units in hours if hour >= self.since.hour]

    def cost(self, seed: int, day: date) -> int:
        """The list cost of a day in 1e-10 dollars."""
        return self.price * sum(units for _, units in self.periods(seed, day))

    def _day(self, seed: int, day: date) -> int:
        rng = Random(f"{seed}/{self.key}/{day}")  # noqa: S311 a demo is not a secret
        noise = 1000 + sum(rng.randint(-_NOISE, _NOISE) for _ in range(3))
        factor = dict(self.surge).get(day, 1000)
        return self.units * WEEK[day.weekday()] * noise * factor // 10**9


def midnight(day: date) -> datetime:
    """The first moment of a day, in UTC."""
    return datetime.combine(day, time(0), UTC)


def days_to(until: date, count: int) -> list[date]:
    """The `count` days that end with `until`, in order."""
    return [until - timedelta(days=back) for back in reversed(range(count))]

"""What the demo's company runs: about 60 things, idle and orphaned ones and their near-misses among them."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from random import Random

from actions.base import RECLAIM_TAG
from bot.demo.thing import CHECKOUT, DEV, LAB, PROD, SEARCH, Kind, Profile, Thing

#: List prices in Frankfurt, micro-dollars an hour.
PRICES: Mapping[str, int] = {
    "t3.small": 24_000,
    "t3.large": 96_000,
    "m5.large": 115_000,
    "m5.xlarge": 230_000,
    "m5.2xlarge": 460_000,
    "m5.4xlarge": 920_000,
    "c5.2xlarge": 388_000,
    "c5.4xlarge": 776_000,
    "r5.xlarge": 304_000,
    "r5.2xlarge": 608_000,
    "r5.4xlarge": 1_216_000,
    "g5.12xlarge": 7_090_000,
}
#: One gigabyte-hour of gp3 (0.0949 dollars a gigabyte-month), an address-hour, a load-balancer-hour.
GP3_HOUR, ADDRESS_HOUR, BALANCER_HOUR = 130, 5_000, 27_000
#: What the savings plan charges for the machines that it covers.
PLAN_PRICES: Mapping[str, int] = {"m5.4xlarge": 622_000, "r5.4xlarge": 815_000}
#: Nobody agreed on one spelling; case and key differ as in real accounts.
SPELLINGS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "dev": (("Environment", "dev"), ("env", "Dev"), ("Env", "dev"), ("environment", "DEV")),
    "staging": (("Environment", "staging"), ("env", "Staging")),
    "prod": (("Environment", "prod"), ("env", "Production"), ("environment", "PROD")),
}
PEOPLE: Mapping[str, tuple[str, ...]] = {
    CHECKOUT: ("mara@larkspur.example", "jonas@larkspur.example"),
    SEARCH: ("ines@larkspur.example", "tomas@larkspur.example"),
}

IDLE = (  # account, name, type, team
    (DEV, "checkout-dev-api", "m5.xlarge", CHECKOUT),
    (LAB, "checkout-dev-fraud", "r5.xlarge", CHECKOUT),
    (DEV, "checkout-dev-loadtest", "m5.2xlarge", CHECKOUT),
    (DEV, "checkout-dev-payments", "m5.xlarge", CHECKOUT),
    (DEV, "checkout-dev-returns", "m5.large", CHECKOUT),
    (LAB, "search-dev-notebook", "r5.2xlarge", SEARCH),
    (DEV, "search-dev-ranking", "m5.2xlarge", SEARCH),
)
#: The cloud refuses to stop this one where the seed says so: after a canary and a wave of two, going by name.
REFUSES_TO_STOP = "checkout-dev-payments"

BUSY = (  # account, name, type, team, environment
    (DEV, "checkout-dev-web", "m5.xlarge", CHECKOUT, "dev"),
    (DEV, "checkout-dev-ci", "c5.2xlarge", CHECKOUT, "dev"),
    (DEV, "search-dev-index", "r5.xlarge", SEARCH, "dev"),
    (LAB, "search-dev-training", "c5.4xlarge", SEARCH, "dev"),
    (DEV, "build-agent-old", "m5.large", None, None),
    (PROD, "checkout-staging-api", "m5.xlarge", CHECKOUT, "staging"),
    (PROD, "search-staging-query", "r5.xlarge", SEARCH, "staging"),
    (PROD, "checkout-prod-api-1", "m5.4xlarge", CHECKOUT, "prod"),
    (PROD, "checkout-prod-api-2", "m5.4xlarge", CHECKOUT, "prod"),
    (PROD, "checkout-prod-api-3", "m5.4xlarge", CHECKOUT, "prod"),
    (PROD, "checkout-prod-worker-1", "c5.4xlarge", CHECKOUT, "prod"),
    (PROD, "checkout-prod-worker-2", "c5.4xlarge", CHECKOUT, "prod"),
    (PROD, "search-prod-query-1", "r5.4xlarge", SEARCH, "prod"),
    (PROD, "search-prod-query-2", "r5.4xlarge", SEARCH, "prod"),
    (PROD, "search-prod-query-3", "r5.4xlarge", SEARCH, "prod"),
    (PROD, "search-prod-index-1", "r5.2xlarge", SEARCH, "prod"),
    (PROD, "search-prod-index-2", "r5.2xlarge", SEARCH, "prod"),
)
COVERED = ("checkout-prod-api-", "search-prod-query-")
#: Machines that one careless rule would stop, each for a reason of its own.
RELAY, SILENT, YOUNG = "checkout-dev-proxy", "search-dev-agentless", "checkout-dev-new"
PROTECTED, DO_NOT_STOP = "search-dev-demo", "search-dev-license"
MONTH_END, STANDBY, STOPPED = "search-dev-month-end", "search-prod-standby", "checkout-dev-stopped"
NEAR_MISSES = (RELAY, SILENT, YOUNG, PROTECTED, DO_NOT_STOP, MONTH_END, STANDBY, STOPPED)

WEB = "checkout-prod-web"
CLUSTER = "shared-cluster"
INDEXER, RECEIPTS = "search-indexer", "checkout-receipts"

ORPHANS = (  # account, name, gigabytes, days old, team
    (DEV, "checkout-dev-old-data", 500, 63, CHECKOUT),
    (DEV, "restore-test", 250, 118, None),
    (DEV, "search-dev-snapshot-copy", 300, 48, SEARCH),
    (LAB, "search-lab-scratch", 1000, 47, SEARCH),
)
#: Days since the orphans were marked for deletion: their owners' grace is over.
MARKED_AGO = 16
LEGAL_HOLD, FRESH = "search-lab-legal-hold", "checkout-dev-import"


class _Maker:
    """Makes things whose ages and spellings the seed picks."""

    def __init__(self, seed: int, until: date) -> None:
        self.rng = Random(f"things/{seed}")  # noqa: S311 a demo is not a secret
        self.today = datetime.combine(until + timedelta(days=1), time(0), UTC)

    def ago(self, days: int, hours: int = 0) -> datetime:
        return self.today - timedelta(days=days, hours=hours)

    def tags(
        self, name: str, team: str | None, environment: str | None = None, **more: str
    ) -> dict[str, str]:
        tags = {"Name": name}
        if environment is not None:
            key, value = self.rng.choice(SPELLINGS[environment])
            tags[key] = value
        if team is not None:
            tags |= {"team": team, "owner": self.rng.choice(PEOPLE[team])}
        return tags | more

    def machine(  # noqa: PLR0917 a row of the tables above, in their order
        self,
        account: str,
        name: str,
        model: str,
        team: str | None,
        environment: str | None,
        profile: Profile,
        tags: Mapping[str, str] | None = None,
    ) -> Thing:
        return Thing(
            account=account,
            kind=Kind.INSTANCE,
            name=name,
            model=model,
            tags=self.tags(name, team, environment) | dict(tags or {}),
            launched_at=self.ago(self.rng.randint(70, 400), self.rng.randint(0, 23)),
            profile=profile,
            hourly=PRICES[model],
        )

    def volume(self, account: str, name: str, size: int, age: int, team: str | None) -> Thing:
        return Thing(
            account=account,
            kind=Kind.VOLUME,
            name=name,
            model="gp3",
            tags=self.tags(name, team, None if team is None else "prod" if account == PROD else "dev"),
            launched_at=self.ago(age, self.rng.randint(1, 12)),
            hourly=GP3_HOUR,
            size=size,
        )


def things(seed: int, until: date) -> Iterator[Thing]:
    """Everything the company runs on the day after `until`, in a fixed order."""
    make = _Maker(seed, until)
    yield from _idle(make, fails=seed % 5 == 3)  # noqa: PLR2004 one seed in five
    yield from _busy(make)
    yield from _near_misses(make)
    yield from _fleets(make)
    yield from _volumes(make)
    yield from _edges(make)
    yield from _functions(make)


def forgotten(team: str, since: datetime) -> Thing:
    """The big machine that somebody of this team started on `since` and forgot."""
    name = f"{team}-dev-gpu-trial"
    return Thing(
        account=DEV,
        kind=Kind.INSTANCE,
        name=name,
        model="g5.12xlarge",
        tags={"Name": name, "env": "dev", "team": team, "owner": PEOPLE[team][0]},
        launched_at=since,
        profile=Profile.IDLE,
        hourly=PRICES["g5.12xlarge"],
    )


def _idle(make: _Maker, *, fails: bool) -> Iterator[Thing]:
    for account, name, model, team in IDLE:
        thing = make.machine(account, name, model, team, "dev", Profile.IDLE)
        yield replace(thing, fails=fails and name == REFUSES_TO_STOP)


def _busy(make: _Maker) -> Iterator[Thing]:
    for account, name, model, team, environment in BUSY:
        thing = make.machine(account, name, model, team, environment, Profile.BUSY)
        yield replace(thing, covered=PLAN_PRICES[model]) if name.startswith(COVERED) else thing


def _near_misses(make: _Maker) -> Iterator[Thing]:
    yield make.machine(DEV, RELAY, "t3.large", CHECKOUT, "dev", Profile.RELAY)
    yield make.machine(DEV, SILENT, "t3.large", SEARCH, "dev", Profile.SILENT)
    young = make.machine(DEV, YOUNG, "t3.small", CHECKOUT, "dev", Profile.IDLE)
    yield replace(young, launched_at=make.ago(2, 14))
    yield make.machine(DEV, PROTECTED, "m5.large", SEARCH, "dev", Profile.IDLE, {"bursar:protect": "true"})
    yield make.machine(LAB, DO_NOT_STOP, "t3.large", SEARCH, "dev", Profile.IDLE, {"do-not-stop": "true"})
    yield make.machine(LAB, MONTH_END, "r5.xlarge", SEARCH, "dev", Profile.MONTH_END)
    yield make.machine(PROD, STANDBY, "m5.2xlarge", SEARCH, "prod", Profile.IDLE)
    yield replace(make.machine(DEV, STOPPED, "m5.xlarge", CHECKOUT, "dev", Profile.SILENT), stopped=True)


def _fleets(make: _Maker) -> Iterator[Thing]:
    web = [make.machine(PROD, f"{WEB}-{n}", "c5.2xlarge", CHECKOUT, "prod", Profile.BUSY) for n in (1, 2, 3)]
    tags = {key: value for key, value in web[0].tags.items() if key != "Name"}
    yield Thing(
        account=PROD,
        kind=Kind.GROUP,
        name=WEB,
        model="c5.2xlarge",
        tags=tags,
        launched_at=web[0].launched_at,
        size=len(web),
    )
    for thing in web:
        yield replace(thing, group=WEB, tags=tags | {"Name": thing.name}, launched_at=web[0].launched_at)
    for n in (1, 2, 3):
        node = make.machine(PROD, f"{CLUSTER}-node-{n}", "m5.4xlarge", None, "prod", Profile.BUSY)
        yield replace(node, tags={**node.tags, "shared": "true", "cluster": CLUSTER})


def _volumes(make: _Maker) -> Iterator[Thing]:
    marked = str(make.ago(MARKED_AGO).date())
    for account, name, size, age, team in ORPHANS:
        thing = make.volume(account, name, size, age, team)
        yield replace(thing, tags={**thing.tags, RECLAIM_TAG: marked})
    held = make.volume(LAB, LEGAL_HOLD, 400, 210, SEARCH)
    yield replace(held, tags={**held.tags, "bursar:protect": "true"})
    yield make.volume(DEV, FRESH, 200, 1, CHECKOUT)
    for holder, account, size, team in (
        ("checkout-prod-api-1", PROD, 500, CHECKOUT),
        ("search-prod-index-1", PROD, 2000, SEARCH),
        ("search-dev-index", DEV, 400, SEARCH),
        (STOPPED, DEV, 100, CHECKOUT),
    ):
        yield replace(make.volume(account, f"{holder}-data", size, 90, team), attached_to=holder)


def _edges(make: _Maker) -> Iterator[Thing]:
    for account, name, team, holder in (
        (DEV, "checkout-dev-old-ip", CHECKOUT, None),
        (LAB, "lab-unused-ip", None, None),
        (PROD, "search-prod-spare-ip", SEARCH, None),
        (PROD, "checkout-prod-partner-ip", CHECKOUT, "checkout-prod-api-1"),
    ):
        yield Thing(
            account=account,
            kind=Kind.ADDRESS,
            name=name,
            model="ipv4",
            tags=make.tags(name, team),
            launched_at=make.ago(make.rng.randint(80, 300)),
            hourly=ADDRESS_HOUR,
            attached_to=holder,
        )
    queries = tuple(f"search-prod-query-{n}" for n in (1, 2, 3))
    for name, team, targets in (("checkout-legacy-lb", CHECKOUT, ()), ("search-prod-lb", SEARCH, queries)):
        yield Thing(
            account=PROD,
            kind=Kind.LOAD_BALANCER,
            name=name,
            model="application",
            tags=make.tags(name, team, "prod"),
            launched_at=make.ago(make.rng.randint(100, 500)),
            hourly=BALANCER_HOUR,
            targets=targets,
        )


def _functions(make: _Maker) -> Iterator[Thing]:
    for name, team, reserved in ((INDEXER, SEARCH, None), (RECEIPTS, CHECKOUT, 50)):
        yield Thing(
            account=PROD,
            kind=Kind.FUNCTION,
            name=name,
            model="python3.12",
            tags=make.tags(name, team, "prod"),
            launched_at=make.ago(make.rng.randint(100, 300)),
            reserved=reserved,
        )

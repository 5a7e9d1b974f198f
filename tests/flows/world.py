"""A small company with real rows, a real lake and, where a test asks for it, a real cloud on the loopback."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from actions.base import RECLAIM_TAG, Clouds
from actions.blast import ALL, Caps
from actions.plan import Plan, PlanState
from actions.registry import params_of
from flows import digests, ingestion, proposals, runs
from flows.desk import Desk
from flows.org import Account, Org, Shared, Team
from runbooks.loader import load_all
from runbooks.schema import Runbook
from spend.allocation import Pool
from spend.digest import Digest
from spend.money import total
from spend.period import DAY, Period
from storage import audit, ledger, outbox, plans, tables
from storage.lake import Lake
from storage.locks import Hold
from storage.store import Store
from tests.actions.world import ACCOUNT, NOW
from tests.bot.world import TurnedClock
from tests.storage.lake import bills
from tests.storage.rows import target

#: The week that the digests tell, the one before it, and the last day of the bill.
WEEK = Period(date(2026, 6, 8), date(2026, 6, 15))
THROUGH = date(2026, 6, 16)
#: The last day that is complete: the one after it is still being filled.
COMPLETE = THROUGH - DAY
HOUR = timedelta(hours=1)
HOLD = Hold("worker-1", 1)
ANN, AMY, BEN, OPS, OZ, FIN, FAY, OUT = (
    "U_ANN", "U_AMY", "U_BEN", "U_OPS", "U_OZ", "U_FIN", "U_FAY", "U_OUT",
)  # fmt: skip
#: A volume carries it whose owners had their days of grace.
MARKED: dict[str, Any] = {RECLAIM_TAG: "2026-05-01"}
POOL = Pool("platform", "proportional")
ORG = Org(
    teams={
        "web": Team("web", "Web shop", "C_WEB", frozenset({ANN, AMY}), Decimal(1000)),
        "data": Team("data", "Data", "C_DATA", frozenset({BEN, FAY})),
    },
    accounts={ACCOUNT: Account(ACCOUNT, "shop-dev", act=True)},
    finance_channel="C_FIN",
    finance=frozenset({FIN, FAY}),
    oncall_channel="C_OPS",
    groups={"platform-oncall": frozenset({OPS, OZ}), "finance": frozenset({FIN, FAY})},
    act=True,
    shared=(Shared("shared", "yes", POOL),),
    wave_pause=0,
    caps=Caps(percent_of_fleet=ALL),
    owner_warning=0,
)
RUNBOOKS = load_all(params_of=params_of)


def runbook(name: str, **changes: Mapping[str, Any]) -> Runbook:
    """A shipped runbook with some parts of it written otherwise."""
    found = RUNBOOKS[name]
    data: dict[str, Any] = {
        part: getattr(found, part).model_copy(update=dict(change)) for part, change in changes.items()
    }
    return found.model_copy(update=data)


def charge(day: date, amount: str, **what: str) -> dict[str, str]:
    """A line of a bill; `team` is its tag, the rest are FOCUS columns or the names below."""
    tags = {key: what.pop(key) for key in ("team", "shared") if key in what}
    names = {
        "service": "ServiceName",
        "resource": "ResourceId",
        "name": "ResourceName",
        "meter": "SkuMeter",
        "billed": "BilledCost",
        "currency": "BillingCurrency",
        "category": "ChargeCategory",
        "account": "SubAccountId",
        "charge_class": "ChargeClass",
    }
    month = day.replace(day=1)
    after = (month + 32 * DAY).replace(day=1)
    row = {
        "BillingPeriodStart": f"{month}T00:00:00Z",
        "BillingPeriodEnd": f"{after}T00:00:00Z",
        "ChargePeriodStart": f"{day}T00:00:00Z",
        "ChargePeriodEnd": f"{day + DAY}T00:00:00Z",
        "EffectiveCost": amount,
        "BilledCost": amount,
        "SubAccountId": ACCOUNT,
        "ResourceId": "",
        "ResourceName": "",
        "SkuMeter": "",
        "Tags": json.dumps(tags),
    }
    return {**row, **{names[key]: value for key, value in what.items()}}


def daily(amounts: Mapping[Period, str] | str, **what: str) -> list[dict[str, str]]:
    """The same line on each day of some spans, from the first of June to the last day of the bill."""
    spans = {JUNE: amounts} if isinstance(amounts, str) else amounts
    return [charge(day, amount, **what) for span, amount in spans.items() for day in span.days()]


JUNE = Period(date(2026, 6, 1), THROUGH + DAY)
BEFORE, SINCE = WEEK.before(), Period(WEEK.start, THROUGH + DAY)
#: What the company pays: two teams, a shared cluster, things that nobody owns, and some euros.
BILL: list[dict[str, str]] = [
    *daily(
        {BEFORE: "10", SINCE: "12.345"},
        billed="11", team="web", service="Amazon EC2", resource="i-web", name="shop",
    ),
    *daily("3", team="web", service="Amazon S3", resource="bucket-web"),
    *daily({BEFORE: "20", SINCE: "18"}, team="data", service="Amazon RDS", resource="db-data"),
    *daily("10", shared="yes", service="Amazon EC2", resource="cluster"),
    *daily("5", service="Amazon S3", resource="bucket-x"),
    *daily("1", service="Amazon S3", resource="bucket-y"),
    *daily("2", service="AWS Lambda", meter="GB-seconds"),
    *daily("4", team="data", service="Cloud Run", resource="run-1", currency="EUR"),
]  # fmt: skip


class Company:
    """The desk of the company, and what tests ask of its rows."""

    def __init__(self, store: Store, home: Path, clouds: Clouds | None = None) -> None:
        store.hold = HOLD
        self.home = home
        self.clock = TurnedClock(NOW)
        self.desk = Desk(store, Lake(home), ORG, RUNBOOKS, clouds)
        self.store = store

    @property
    def now(self) -> datetime:
        return self.clock()

    def with_org(self, **changes: Any) -> None:
        """Another policy from here on."""
        self.desk = replace(self.desk, org=replace(self.desk.org, **changes))

    def reads(self, **sources: Any) -> None:
        """Other sources of the moment from here on."""
        self.desk = replace(self.desk, **sources)

    def with_runbook(self, one: Runbook) -> None:
        """Another wording of a runbook from here on."""
        self.desk = replace(self.desk, runbooks={**self.desk.runbooks, one.name: one})

    def bill(self, rows: Iterable[Mapping[str, str]] = BILL, *, forced: bool = False) -> None:
        """Import a bill for real; a second one restates the first."""
        path = bills.write(self.home / "in" / "bill.csv", bills.text(rows))
        ingestion.bring_in(self.desk, [path], source=None, forced=forced, actor=FIN, now=self.now)

    def digest(self, team: str = "web") -> tuple[str, Digest]:
        """Publish the week's digest to a team."""
        row = digests.publish(self.desk, team, WEEK, self.now)
        assert row is not None
        return row.id, Digest.from_data(row.figures)

    def plan(self, name: str = "stop-idle-dev", *, by: str = "bursar", ids: Iterable[str] = ("i-1",)) -> Plan:
        """A plan on made-up instances or volumes, proposed for real."""
        kind = {"stop-idle-dev": "instance"}.get(name, "volume")
        facts = {"root": "ebs", "lifecycle": "on-demand"}
        found = [
            target(key, kind=kind, tags={"team": "web", "Environment": "dev", **MARKED}, facts=facts)
            for key in ids
        ]
        kept, struck = proposals.strike(self.desk, self.desk.runbooks[name], found, self.now)
        return proposals.propose(
            self.desk,
            self.desk.runbooks[name],
            kept,
            struck,
            findings=[],
            requested_by=by,
            reason="idle",
            now=self.now,
        )

    def plan_of(self, key: str) -> tables.Plan:
        with self.store.reading() as session:
            row = session.get(tables.Plan, key)
            assert row is not None
            return row

    def state(self, key: str) -> PlanState:
        return PlanState(self.plan_of(key).state)

    def votes(self, key: str) -> list[tuple[str, str]]:
        with self.store.reading() as session:
            return [(vote.person, vote.decision) for vote in plans.votes(session, key)]

    def run(self, key: str, wait: Callable[[float], None] | None = None) -> PlanState:
        """Run a plan to its end as the worker does, without its waits."""
        while left := self.pass_over(key, wait):
            self.clock.turn(seconds=left)
        return self.state(key)

    def pass_over(self, key: str, wait: Callable[[float], None] | None = None) -> float:
        """Let the worker take a run up once; the seconds for which it pauses then."""
        runs.execute(self.desk, key, now=self.clock, wait=wait or self.wait)
        row = self.plan_of(key)
        until = row.next_wave_at if row.state == PlanState.RUNNING else None
        return max(0.0, (until - self.now).total_seconds()) if until else 0.0

    def wait(self, seconds: float) -> None:
        """What is waited for passes at once."""
        self.clock.turn(seconds=seconds)

    def findings(self) -> list[tables.Finding]:
        with self.store.reading() as session:
            return sorted(session.query(tables.Finding), key=lambda row: (row.found_at, row.id))

    def jobs(self, kind: str) -> list[tables.Job]:
        with self.store.reading() as session:
            return [job for job in session.query(tables.Job) if job.kind == kind]

    def messages(self, *kinds: str) -> list[tables.Message]:
        """What waits to be sent, in order."""
        with self.store.reading() as session:
            rows = outbox.due(session, self.now, limit=500)
        return [row for row in rows if row.kind in (kinds or ("post", "ephemeral"))]

    def told(self, channel: str) -> list[tuple[str, str]]:
        """What a channel is told: the template and the text or the subject of each message."""
        return [
            (row.template, (row.args or {}).get("text") or row.subject)
            for row in self.messages()
            if row.channel == channel
        ]

    def events(self, subject: str) -> list[str]:
        """What the audit log has on a record, in order."""
        return [entry["event"] for entry in self.entries(subject)]

    def entries(self, subject: str) -> list[dict[str, Any]]:
        with self.store.reading() as session:
            return list(audit.rows(session, subject=subject))

    def ledger(self, team: str | None = None, *, unowned: bool = False) -> dict[str, tuple[Decimal, Decimal]]:
        """EffectiveCost and BilledCost of what stands, by currency."""
        with self.store.reading() as session:
            found = ledger.standing(session, team=team, unowned=unowned)
        return {
            currency: (
                total(entry.effective for entry in found if entry.currency == currency),
                total(entry.billed for entry in found if entry.currency == currency),
            )
            for currency in sorted({entry.currency for entry in found})
        }

    def chain_holds(self) -> bool:
        with self.store.reading() as session:
            return audit.verify(session).broken is None


def at(day: date) -> datetime:
    """Nine in the morning of a day, UTC."""
    return datetime(day.year, day.month, day.day, 9, tzinfo=UTC)

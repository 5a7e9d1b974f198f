"""Records of every kind and state, small and hostile, from which tests draw messages."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from actions.base import Grade, Target
from actions.plan import Plan, PlanState, PlanStep, Rollout, Struck, Tier
from actions.step import Step, StepState
from bot.blocks.plan import Card
from flows.org import Account, Org, Team
from flows.overview import Overview, Spend, TeamLook
from spend.budget import Budget, stand
from spend.charge import Basis
from spend.digest import Digest, Figure, FindingBrief, Move, PlanBrief, Restated, Spent, Unowned
from spend.forecast import Forecast
from spend.money import total
from spend.period import DAY, Period
from spend.restatement import Cause, Change, DayChange, Restatement, Told, Total, Why
from storage import tables

NOW = datetime(2026, 11, 16, 9, tzinfo=UTC)
WEEK = Period(date(2026, 11, 9), date(2026, 11, 16))
PING = "<!channel> & <@U_BOSS> *boo* <https://evil.example|click>"
ORG = Org(
    teams={
        "checkout": Team("checkout", "Checkout", "C_CHECKOUT", frozenset({"U_ANN"}), Decimal(40000)),
        "search": Team("search", "Search", "C_SEARCH", frozenset({"U_SAM"})),
    },
    accounts={"111111111111": Account("111111111111", "platform-dev", act=True)},
    finance_channel="C_FINANCE",
    finance=frozenset({"U_FIN", "U_ANN"}),
    oncall_channel="C_ONCALL",
    groups={"platform-oncall": frozenset({"U_OPS", "U_TWO"})},
    act=True,
)


def move(name: str, now: str, before: str) -> Move:
    here, there = Decimal(now), Decimal(before)
    return Move(name, here, there, here - there, service=name)


def figure(currency: str, moves: tuple[Move, ...], other: str = "0", total_now: str = "1000") -> Figure:
    changed = total(one.change for one in moves) + Decimal(other)
    now = Decimal(total_now)
    return Figure(currency, now, now - changed, changed, moves, Decimal(other))


def digest(**changes: object) -> Digest:
    """A usual week of one team."""
    money = figure(
        "USD",
        (
            move("Amazon EC2 · worker-7", "1812.40", "1000.00"),
            move("Amazon S3 · requests", "90.00", "310.25"),
            move("AWS Lambda · resize", "55.10", "20.00"),
            move("Amazon RDS · orders-db", "410.00", "400.00"),
        ),
        other="-12.34",
        total_now="9214.77",
    )
    forecast = Forecast(Decimal("41870.12"), Decimal(40100), Decimal(43900), Decimal("21310.40"))
    budget = stand(Budget(Decimal(40000), "USD"), forecast.spent, forecast.expected)
    usual = Digest(
        team="checkout",
        title="Checkout",
        week=WEEK,
        basis=Basis.EFFECTIVE,
        complete_through=date(2026, 11, 15),
        figures=(replace(money, budget=budget, forecast=forecast),),
        unowned=tuple(
            Unowned(f"u{n}", "111111111111", "Amazon S3", f"logs-{n}", Decimal("31.20"), "USD")
            for n in range(5)
        ),
        findings=(
            FindingBrief("finding-1", "anomaly", "EC2 is above", date(2026, 11, 12), Decimal(812), "USD"),
        ),
        waiting=(PlanBrief("plan-1", "stop-idle-dev", "Stop idle instances", 7, Decimal(412), "USD"),),
        corrections=(Restated("USD", Decimal("-3.10"), "a claim of Search"),),
        daily=tuple(Spent(WEEK.before().start + n * DAY, "USD", Decimal(1200 + 40 * n)) for n in range(14)),
        snapshots=("a" * 64,),
    )
    return replace(usual, **changes)  # type: ignore[arg-type]  # each test names the fields it changes


def target(n: int, name: str | None = None) -> Target:
    return Target(
        id=f"i-0{n:016x}",
        account="111111111111",
        region="eu-central-1",
        kind="instance",
        name=name or f"dev-box-{n}",
        identity="2026-01-01",
        state="running",
        monthly_cost=Decimal("58.40"),
        why="CPU below 2 % and almost no network for 14 days",
    )


def plan(**changes: object) -> Plan:
    """Seven idle instances and two that a guard struck out."""
    usual = Plan(
        id="plan-abc",
        title="Stop idle development instances",
        runbook="stop-idle-dev",
        runbook_hash="r" * 64,
        steps=(PlanStep("stop", "aws.stop_instances"),),
        targets=tuple(target(n) for n in range(7)),
        struck=(
            Struck("i-9", "batch-1", "its tag do-not-stop protects it"),
            Struck("i-8", "old", "touched 2 h ago"),
        ),
        tier=Tier.T1,
        grade=Grade.A,
        quorum=1,
        approvers=frozenset({"U_OPS", "U_TWO"}),
        requested_by="bursar",
        reason="Idle for two weeks.",
        team="checkout",
        created_at=NOW,
        approve_by=NOW + timedelta(hours=4),
        execute_by=NOW + timedelta(hours=6),
        rollout=Rollout(),
        fleets={"instances/111111111111/no environment": 70},
    )
    return replace(usual, **changes)  # type: ignore[arg-type]  # each test names the fields it changes


def steps(of: Plan, *states: StepState, detail: str | None = None) -> list[Step]:
    """One step for each target, in these states; the last state stands for the rest."""
    waves = [0, 1, 1, *[2] * 100]
    found = []
    for n, one in enumerate(of.targets):
        state = states[min(n, len(states) - 1)]
        why = detail if state in {StepState.FAILED, StepState.SKIPPED, StepState.NEEDS_HUMAN} else None
        before = one.to_data() if state is not StepState.NEW else None
        found.append(
            Step(
                f"s{n}",
                of.id,
                n,
                waves[min(n, 102)],
                one.id,
                "stop",
                "aws.stop_instances",
                state,
                before,
                None,
                None,
                why,
            )
        )
    return found


def vote(person: str, decision: str = "approve", reason: str | None = None) -> tables.Vote:
    return tables.Vote(
        id=f"v-{person}", plan="plan-abc", person=person, decision=decision, reason=reason, at=NOW
    )


def card(of: Plan | None = None, **changes: object) -> Card:
    return replace(Card(of or plan(), ORG, NOW), **changes)  # type: ignore[arg-type]  # likewise


def finding(**changes: object) -> tables.Finding:
    """An anomaly whose lines and rest add up to its excess."""
    row: dict[str, Any] = {
        "id": "finding-1",
        "state": "open",
        "kind": "anomaly",
        "fingerprint": "f",
        "team": "checkout",
        "title": "Amazon EC2 in platform-dev is above what is usual",
        "since": date(2026, 11, 12),
        "amount": Decimal("812.405"),
        "currency": "USD",
        "found_at": NOW,
        "details": {
            "account": "111111111111",
            "service": "Amazon EC2",
            "resources": [],
            "expected": "261.7",
            "actual": "1074.105",
            "excess": "812.405",
            "until": "2026-11-15",
            "lines": [
                {"where": {"resource": "worker-7", "usage type": "BoxUsage:m5.large"}, "delta": "700.111"},
                {"where": {"resource": "worker-8"}, "delta": "100.222"},
            ],
            "rest": "12.072",
            "runbook": None,
            "plan": None,
        },
    }
    return tables.Finding(**{**row, **changes})


def dispute(**changes: object) -> tables.Dispute:
    """A dispute over three lines."""
    row: dict[str, Any] = {
        "id": "dispute-1",
        "state": "open",
        "team": "checkout",
        "opened_by": "U_ANN",
        "opened_at": NOW,
        "reason": "This box runs the search index.",
        "proposed_team": "search",
        "rule": "tag team",
        "currency": "USD",
        "effective": Decimal("812.405"),
        "billed": Decimal(900),
        "selection": {
            "name": "Amazon EC2 · worker-7",
            "week": ["2026-11-09", "2026-11-16"],
            "service": "Amazon EC2",
            "resource": "worker-7",
            "lines": [{"resource": f"worker-{n}", "amount": "270.801666"} for n in range(3)],
            "effective": "812.405",
            "billed": "900",
            "snapshots": [],
            "entries": {},
        },
    }
    return tables.Dispute(**{**row, **changes})


def restatement(**changes: object) -> Restatement:
    """A delivery and a ruling changed two days of the usual week."""
    old = Told.by_digest(digest(), NOW)
    new = replace(old, totals=(Total("USD", Decimal("9314.90")),), at=NOW + timedelta(days=2))
    days = tuple(DayChange(WEEK.start + n * DAY, Decimal(1480), Decimal(1480) + n * 50) for n in (1, 2))
    causes = (
        Cause(
            Why.DELIVERY, "snapshot-pstdki7g45ar6c3z", "9f" * 32, source="aws", account="1001",
            period=WEEK.start.replace(day=1), at=NOW, amount=Decimal("120.10"),
        ),
        Cause(Why.RULING, "dispute-1", what="Amazon EC2 · worker-7", at=NOW, amount=Decimal("-20.00")),
        Cause(Why.SHARED, "platform", amount=Decimal("0.03")),
    )  # fmt: skip
    change = Change("USD", Decimal("9214.77"), Decimal("9314.90"), days, causes)
    usual = Restatement("checkout", WEEK, NOW, (change,), new)
    return replace(usual, **changes)  # type: ignore[arg-type]  # each test names the fields it changes


def warned(**changes: object) -> tables.Warned:
    """What the owners of checkout were told: two of the plan's instances are theirs."""
    row: dict[str, Any] = {
        "id": "warned-1",
        "state": "open",
        "plan": "plan-abc",
        "team": "checkout",
        "targets": [target(0).id, target(1).id],
        "at": NOW,
        "ends_at": NOW + timedelta(hours=24),
    }
    return tables.Warned(**{**row, **changes})


def recovery() -> tables.Recovery:
    """An old copy that voided the plan's approval."""
    return tables.Recovery(
        id="recovery-1",
        state="waiting",
        reason="its audit log ends at row 3, and this machine saw row 9",
        fork={"seen": {"seq": 9}, "found": {"seq": 3}, "void": ["plan-abc", "standing-abc"]},
        at=NOW,
    )


def watched(condition: str = "late", **changes: Any) -> tables.Watched:
    """A source that should have delivered by now, or whose bill became less."""
    overdue = {"limit": 30 * 3600, "learned": condition == "late", "day": "2026-11-14"}
    totals = {"currency": "USD", "billed_cost": "1000", "effective_cost": "1200.5"}
    fewer = totals | {"billed_cost": "900", "effective_cost": "1210"}
    less = {
        "account": "1001",
        "period": "2026-11-01",
        "before": {"rows": 5000, "totals": [totals | {"currency": "EUR"}, totals]},
        "after": {"rows": 4500, "totals": [fewer]},
    }
    row: dict[str, Any] = {
        "id": "watched-1",
        "source": "aws-prod",
        "condition": condition,
        "bill": "",
        "since": NOW - timedelta(hours=31),
        "details": less if condition == "shrunk" else overdue,
        "told_at": NOW,
    }
    return tables.Watched(**{**row, **changes})


def keep(**changes: object) -> tables.Keep:
    """What an owner keeps of the plan."""
    row: dict[str, Any] = {
        "id": "keep-1",
        "state": "held",
        "target": target(1).id,
        "name": target(1).name,
        "team": "checkout",
        "until": NOW + timedelta(days=10),
        "said_by": "U_ANN",
        "reason": "a demo on Friday",
        "at": NOW,
        "plan": "plan-abc",
    }
    return tables.Keep(**{**row, **changes})


def overview(**changes: object) -> Overview:
    """One person's glance."""
    look = TeamLook(
        ORG.teams["checkout"],
        (Spend("USD", Decimal("21310.40"), Decimal("9214.77"), Decimal("8590.24")),),
        date(2026, 11, 15),
    )
    usual = Overview((look,), (finding(),), (plan(),), (dispute(),), asks=True)
    return replace(usual, **changes)  # type: ignore[arg-type]  # likewise


def cards() -> dict[str, Card]:
    """One card for each state, and the undo's."""
    running, done = plan(state=PlanState.RUNNING), plan(state=PlanState.SUCCEEDED)
    failed, partial = plan(state=PlanState.FAILED), plan(state=PlanState.PARTIAL)
    halted = plan(state=PlanState.HALTED)
    yes, ended = [vote("U_OPS")], {"ended_at": NOW}
    one_failed = (StepState.DONE, StepState.DONE, StepState.FAILED, StepState.NEW)
    skipped = (StepState.DONE, StepState.SKIPPED, StepState.DONE)
    return {
        "pending": card(),
        "approved": card(plan(state=PlanState.APPROVED), votes=yes),
        "running": card(running, votes=yes, steps=steps(running, StepState.DONE, StepState.INTENT)),
        "succeeded": card(done, votes=yes, steps=steps(done, StepState.DONE), **ended),
        "partial": card(
            partial,
            votes=yes,
            steps=steps(partial, *skipped, detail="it was running and is stopped"),
            **ended,
        ),
        "failed": card(
            failed, votes=yes, steps=steps(failed, *one_failed, detail="OperationNotPermitted"), **ended
        ),
        "halted": card(halted, votes=yes, steps=steps(halted, StepState.DONE, StepState.NEW), **ended),
        "denied": card(
            plan(state=PlanState.DENIED), votes=[vote("U_OPS", "deny", "not now")], outcome="not now", **ended
        ),
        "expired": card(plan(state=PlanState.EXPIRED), outcome="its approve-by passed", **ended),
        "stale": card(plan(state=PlanState.STALE), outcome="its runbook changed", **ended),
        "cancelled": card(plan(state=PlanState.CANCELLED), **ended),
    }

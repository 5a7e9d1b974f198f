"""`bursar approvals | approve | deny | undo | runbook`: the same decisions as in Slack, from a terminal."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli.money import desk_of
from bot.cli.output import Json, document, table
from flows.desk import Desk

if TYPE_CHECKING:
    from actions.plan import Plan

Id = Annotated[str, typer.Argument(metavar="PLAN")]
Why = Annotated[str | None, typer.Option("--reason", help="Why; needed from tier 2 on.")]
runbooks = typer.Typer(help="List, validate or plan runbooks.", add_completion=False)


def approvals(*, as_json: Json = False) -> None:
    """The plans that wait for approval."""
    from actions.plan import PlanState
    from storage import plans

    with desk_of() as desk, desk.store.reading() as session:
        rows = plans.find(session, states=(PlanState.PENDING,))
        votes = {row.id: plans.approvals(session, row.id) for row in rows}
    if as_json:
        document(
            [{**row.content, "state": row.state, "hash": row.hash, "votes": votes[row.id]} for row in rows]
        )
        return
    columns = ("id", "what", "targets", "approvals", "approve by (UTC)")
    shown = [
        (
            row.id,
            row.content["title"],
            len(row.content["targets"]),
            f"{len(votes[row.id])} of {row.content['quorum']}",
            f"{row.approve_by:%Y-%m-%d %H:%M}",
        )
        for row in rows
    ]
    table("Waiting for approval", columns, shown)


def _decide(plan: str, decide: Callable[[Desk, str, str, datetime], "Plan"]) -> None:
    """Do what was decided to the plan as it stands: who types has read `bursar audit show PLAN`."""
    from bot import main
    from bot.cli import person
    from spend.errors import NotFound
    from storage import tables

    who = person()
    with desk_of() as desk:
        with desk.store.reading() as session:
            row = session.get(tables.Plan, plan)
        if row is None:
            raise NotFound(f"There is no plan {plan}; `bursar approvals` lists what waits.")
        done = decide(desk, who, row.hash, main.clock_of(desk.store)())
    typer.echo(f"{done.id} is {done.state}.")


def approve(
    plan: Id,
    reason: Why = None,
    confirm: Annotated[
        str | None, typer.Option("--confirm", help="The phrase that a deletion in production asks for.")
    ] = None,
    code: Annotated[
        str | None, typer.Option("--code", help="What your authenticator shows; for the same.")
    ] = None,
) -> None:
    """Approve a plan, as the account you are logged in with: it must be named in the approvers."""
    from flows import approvals as flow

    _decide(
        plan,
        lambda desk, who, shown, now: flow.approve(
            desk, plan, actor=who, shown=shown, now=now, reason=reason, typed=confirm, code=code
        ),
    )


def deny(plan: Id, reason: Why = None) -> None:
    """Deny a plan."""
    from flows import approvals as flow

    _decide(
        plan,
        lambda desk, who, shown, now: flow.deny(desk, plan, actor=who, shown=shown, reason=reason, now=now),
    )


def undo(plan: Id) -> None:
    """Take back what a run did."""
    from flows import undo as flow

    _decide(plan, lambda desk, who, _shown, now: flow.undo(desk, plan, actor=who, now=now))


@runbooks.command("list")
def list_all(*, as_json: Json = False) -> None:
    """The runbooks in force."""
    with desk_of() as desk:
        found = list(desk.runbooks.values())
    if as_json:
        document([{**one.model_dump(mode="json", by_alias=True), "hash": one.hash} for one in found])
        return
    rows = [(one.name, one.title, one.when.finding, one.when.propose, one.owner) for one in found]
    table("Runbooks", ("name", "what", "acts on", "proposed", "owner"), rows)


@runbooks.command()
def validate() -> None:
    """Check every runbook; exit 2 and list every error with its file and line."""
    from actions.planning import unsaved
    from actions.registry import params_of
    from runbooks.loader import load_all
    from spend.errors import SettingsWrong

    found = load_all(params_of=params_of)
    if reckless := [problem for one in found.values() if (problem := unsaved(one))]:
        raise SettingsWrong("\n".join(reckless))
    typer.echo(f"{len(found)} runbooks hold.")


@runbooks.command("plan")
def plan_one(name: Annotated[str, typer.Argument(metavar="RUNBOOK")], *, as_json: Json = False) -> None:
    """What a runbook would do now, and what the guards strike out; nothing is proposed."""
    from bot import main
    from flows import proposals, sweeps
    from spend.errors import NotFound

    with desk_of(clouds=True) as desk:
        if name not in desk.runbooks:
            raise NotFound(f"There is no runbook {name}; there are {', '.join(sorted(desk.runbooks))}.")
        found = sweeps.find(desk, desk.runbooks[name], main.now())
        kept, struck = proposals.strike(desk, desk.runbooks[name], found, main.now())
    if as_json:
        document({"runbook": name, "targets": [one.to_data() for one in kept], "struck": list(struck)})
        return
    table("Would be acted on", ("id", "name", "account", "per month", "why"), _targets(kept))
    table("Struck out", ("id", "name", "reason"), [(one.target, one.name, one.reason) for one in struck])


def _targets(kept: Sequence[Any]) -> list[tuple[Any, ...]]:
    return [(one.id, one.name, one.account, one.monthly_cost, one.why) for one in kept]

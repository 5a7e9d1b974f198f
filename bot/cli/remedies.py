"""`bursar approvals | approve | deny | undo | runbook`: the same decisions as in Slack, from a terminal."""

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from bot.cli.money import desk_of
from bot.cli.output import Json, document, table

Id = Annotated[str, typer.Argument(metavar="PLAN")]
runbooks = typer.Typer(help="List, validate or plan runbooks.", add_completion=False)


def approvals(*, as_json: Json = False) -> None:
    """The plans that wait for approval."""
    from actions.plan import PlanState
    from storage import plans

    with desk_of() as desk, desk.store.reading() as session:
        rows = plans.find(session, states=(PlanState.PENDING,))
        votes = {row.id: [vote.person for vote in plans.votes(session, row.id)] for row in rows}
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


def _decide(plan: str, name: str, *, reason: str | None = None) -> None:
    from bot import main
    from bot.cli import person
    from flows import approvals as flow
    from flows import undo as taking_back
    from spend.errors import NotFound
    from storage import tables

    who = person()
    with desk_of() as desk:
        with desk.store.reading() as session:
            row = session.get(tables.Plan, plan)
        if row is None:
            raise NotFound(f"There is no plan {plan}; `bursar approvals` lists what waits.")
        if name == "approve":
            done = flow.approve(desk, plan, actor=who, shown=row.hash, now=main.now())
        elif name == "deny":
            done = flow.deny(desk, plan, actor=who, shown=row.hash, reason=reason, now=main.now())
        else:
            done = taking_back.undo(desk, plan, actor=who, now=main.now())
    typer.echo(f"{done.id} is {done.state}.")


def approve(plan: Id) -> None:
    """Approve a plan, as the account you are logged in with: it must be named in the approvers."""
    _decide(plan, "approve")


def deny(plan: Id, reason: Annotated[str | None, typer.Option("--reason")] = None) -> None:
    """Deny a plan."""
    _decide(plan, "deny", reason=reason)


def undo(plan: Id) -> None:
    """Take back what a run did."""
    _decide(plan, "undo")


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
    from actions.registry import params_of
    from runbooks.loader import load_all

    typer.echo(f"{len(load_all(params_of=params_of))} runbooks hold.")


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

"""The story of one record for a person: who asked, who agreed, what was done to what, and what proves it."""

from typing import Any

import typer

from bot.cli.output import table

WHEN = "%Y-%m-%d %H:%M:%S"


def tell(key: str, told: dict[str, Any]) -> None:
    """Print what was decided, what was done, and every entry of the log."""
    if told.get("plan"):
        _plan(told)
    rows = [
        (one["seq"], f"{one['at']:{WHEN}}", one["event"], one["actor"], _gist(one)) for one in told["entries"]
    ]
    table(f"The audit entries of {key}", ("row", "when (UTC)", "what", "who", "why or what"), rows)
    typer.echo(_proof(told["checkpoint"]))


def _plan(told: dict[str, Any]) -> None:
    plan = told["plan"]
    typer.echo(f"{plan['title']}: {plan['state']}{', ' + plan['outcome'] if plan['outcome'] else ''}")
    typer.echo(f"Asked for by {plan['requested_by']} at {plan['created_at']}: {plan['reason']}")
    typer.echo(f"Tier T{plan['tier']}, undo grade {plan['grade']}, {plan['quorum']} approvals needed")
    typer.echo(f"Plan {plan['hash']}, runbook {plan['runbook']} {plan['runbook_hash']}")
    for what, found in (("Policy", plan.get("policy")), ("Standing approval", plan.get("standing"))):
        if found:
            typer.echo(f"{what} {found}")
    linked = [("Takes back", told["undo_of"])] + [("Taken back by", one) for one in told["undone_by"]]
    for what, other in linked:
        if other:
            typer.echo(f"{what} {other}")
    votes = [
        (vote["person"], vote["decision"], f"{vote['at']:{WHEN}}", vote["reason"], _words(vote["proof"]))
        for vote in told["votes"]
    ]
    table("Votes", ("who", "said", "when (UTC)", "why", "as a member of"), votes)
    targets = [(one["name"], one["id"], one["account"], one["state"], one["why"]) for one in plan["targets"]]
    targets += [(one["name"], one["target"], "", "struck out", one["reason"]) for one in plan["struck"]]
    table("Targets, as they were shown", ("name", "id", "account", "state", "why"), targets)
    names = {target["id"]: target["name"] for target in plan["targets"]}
    steps = [
        (
            one.wave,
            names.get(one.target, one.target),
            one.action,
            one.state,
            _words(one.before),
            _words(one.after),
            one.detail or one.code,
        )
        for one in told["steps"]
    ]
    table("Steps", ("wave", "target", "action", "state", "before", "after", "detail"), steps)


def _proof(checkpoint: dict[str, Any] | None) -> str:
    if checkpoint is None:
        return "The last of these rows is in no checkpoint yet."
    held = ", ".join(f"{one['place']} ({one['reference']})" for one in checkpoint["anchors"]) or "nowhere yet"
    return f"All of it is in checkpoint {checkpoint['number']}, kept in: {held}."


def _words(data: Any) -> str:
    """Plain data in a cell: `state stopped, type t3.medium`."""
    if isinstance(data, dict):
        return ", ".join(f"{name} {_words(value)}" for name, value in data.items())
    if isinstance(data, list):
        return " ".join(_words(one) for one in data)
    return "" if data is None else str(data)


def _gist(entry: dict[str, Any]) -> str | None:
    """The reason, or which target a step's entry is about."""
    after = entry["after"] or {}
    return entry["reason"] or (after.get("target") if isinstance(after, dict) else None)

"""The command line: each command is imported when it is called, and errors are one sentence."""

import getpass
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

from spend.errors import BursarError, InputRefused, NotFound, Refused, SettingsWrong

#: Every command: what its help line says, and where it is. A new one is one line here.
COMMANDS: dict[str, tuple[str, str]] = {
    "demo": (
        "The whole bot on this machine, with a local cloud and a local Slack page.",
        "bot.cli.demo:demo",
    ),
    "run": ("Talk to Slack and work, on one machine.", "bot.cli.processes:run"),
    "talk": ("Talk to Slack.", "bot.cli.processes:talk"),
    "work": ("Do due jobs and approved runs, and deliver messages.", "bot.cli.processes:work"),
    "import": ("Read a delivery of bills.", "bot.cli.money:bring_in"),
    "deliveries": ("What became of each delivery; retry or drop a refused one.", "bot.cli.deliveries:app"),
    "sources": ("Where bills come from, and what Google bills and asks for.", "bot.cli.sources:app"),
    "invoices": ("What invoices say, what their charges add up to, and the rest.", "bot.cli.invoices:app"),
    "costs": ("What it cost, by any dimensions.", "bot.cli.money:costs"),
    "untagged": ("The share of what was used that lacks a tag.", "bot.cli.tagging:untagged"),
    "digest": ("Print a team's weekly digest, or post it.", "bot.cli.money:digest"),
    "detect": ("Look for spend that is not as expected.", "bot.cli.money:detect"),
    "estimate": ("What was spent since the bill ends, from what runs: an estimate.", "bot.cli.estimate:told"),
    "sweep": ("Look for idle and orphaned things, and propose plans.", "bot.cli.money:sweep"),
    "runbook": ("List, validate or plan runbooks.", "bot.cli.remedies:runbooks"),
    "approvals": ("The plans that wait for approval.", "bot.cli.remedies:approvals"),
    "approve": ("Approve a plan.", "bot.cli.remedies:approve"),
    "deny": ("Deny a plan.", "bot.cli.remedies:deny"),
    "undo": ("Take back what a run did.", "bot.cli.remedies:undo"),
    "why": ("Who did what to a resource, and what is planned for it.", "bot.cli.why:why"),
    "stepup": ("Enrol people for the step-up outside Slack.", "bot.cli.stepup:app"),
    "standing": ("What runs without asking: list, ask for, or revoke it.", "bot.cli.standing:app"),
    "caps": ("What may still be touched today, and which plan has taken how much.", "bot.cli.caps:caps"),
    "kill-switch": ("Stop all remediations, or let them go on.", "bot.cli.switch:app"),
    "audit": ("Verify, show or export the audit log.", "bot.cli.audit:app"),
    "lake": ("What the lake holds, and collecting what nobody needs.", "bot.cli.lake:app"),
    "recovery": ("Look at a restored database, and resume it.", "bot.cli.recovery:app"),
    "db": ("Upgrade or check the database.", "bot.cli.database:app"),
}
#: What a script reads from the exit code.
EXIT_CODES: tuple[tuple[type[BursarError], int], ...] = (
    (Refused, 4),
    (InputRefused, 3),
    (SettingsWrong, 2),
    (NotFound, 2),
    (BursarError, 1),
)
USAGE = 2


class LazyGroup(TyperGroup):
    """Lists all commands without importing any."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Their names, in the order in which a newcomer needs them."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A stand-in with the help line; `resolve_command` brings the real one."""
        if cmd_name not in COMMANDS:
            return None
        return typer.core.TyperCommand(cmd_name, help=COMMANDS[cmd_name][0])

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command itself."""
        name, stand_in, rest = super().resolve_command(ctx, args)
        return name, find(name) if name in COMMANDS else stand_in, rest


def find(name: str) -> Any:
    """Import a command: a Typer app of its own, or one function."""
    summary, place = COMMANDS[name]
    module, attribute = place.split(":")
    found = getattr(import_module(module), attribute)
    if not isinstance(found, typer.Typer):
        app = typer.Typer(add_completion=False)
        app.command(help=summary)(found)
        found = app
    command = typer.main.get_command(found)
    command.name = name
    command.help = command.help or summary
    return command


def command_line() -> Any:
    """The whole command line."""
    app = typer.Typer(cls=LazyGroup, add_completion=False, rich_markup_mode=None)

    @app.callback(help="Bursar: what the cloud costs, who owns it, and approved remediations.")
    def root() -> None:
        pass

    return typer.main.get_command(app)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """The console script."""
    sys.exit(outcome(sys.argv[1:] if arguments is None else arguments))


def outcome(arguments: Sequence[str]) -> int:
    """Run one command line and give its exit code; errors become one sentence on stderr."""
    try:
        code = command_line().main(args=list(arguments), prog_name="bursar", standalone_mode=False)
    except BursarError as error:
        typer.echo(str(error), err=True)
        return next(code for kind, code in EXIT_CODES if isinstance(error, kind))
    except KeyboardInterrupt:
        return 130
    except Exception as error:  # noqa: BLE001 - the outermost loop of the command line
        return _unforeseen(error)
    return code if isinstance(code, int) else 0


def person() -> str:
    """Who types: the member that the settings name for this machine's account, else the account itself.

    Without such a name nobody can approve from a terminal: one person must not count as two.
    """
    from bot.settings import load

    account = getpass.getuser()
    return load().file.terminal_accounts.get(account, f"cli:{account}")


def _unforeseen(error: Exception) -> int:
    """What the parser says about wrong usage; anything else is kept in a file, under an id."""
    if (show := getattr(error, "show", None)) is not None:
        show()
        return int(getattr(error, "exit_code", USAGE))
    if type(error).__name__ == "Abort":
        return 130
    from bot.cli.crash import keep

    typer.echo(keep(error), err=True)
    return 1

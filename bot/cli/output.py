"""How commands answer: tables for people, one JSON document for scripts."""

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Any

import typer

from spend import canonical

#: Columns of a table that goes to a file or a pipe.
UNFOLDED = 160

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]


def document(value: Any) -> None:
    """Print one JSON document; amounts and times are strings."""
    typer.echo(json.dumps(canonical.data(value), ensure_ascii=False, indent=2))


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table that fits the terminal."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console()
    if not console.is_terminal:
        console = Console(width=UNFOLDED)
    drawn = Table(title=title, title_justify="left")
    for column in columns:
        drawn.add_column(column, overflow="fold")
    for row in rows:
        drawn.add_row(*("" if value is None else escape(str(value)) for value in row))
    console.print(drawn)


def rounded(amount: str | None) -> str | None:
    """An exact amount as a person reads it; `--json` and `--csv` have all of its digits."""
    return None if amount is None else f"{Decimal(amount):,.4f}"

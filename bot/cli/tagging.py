"""`bursar untagged KEY`: the share of what was used that lacks a tag."""

from typing import Annotated

import typer

from bot.cli.money import day, desk_of, viewed
from bot.cli.output import Json, document, rounded, table


def untagged(
    key: Annotated[str, typer.Argument(metavar="KEY", help="The tag's key, for example team.")],
    start: Annotated[str | None, typer.Option("--from", metavar="DAY", help="First day, UTC.")] = None,
    end: Annotated[str | None, typer.Option("--to", metavar="DAY", help="First day not counted.")] = None,
    *,
    as_json: Json = False,
) -> None:
    """What of the gross usage lacks a tag; credits, taxes and purchases are no usage."""
    from flows import tagging

    with desk_of() as desk:
        viewed(desk, "untagged", tag=key, start=start, end=end)
        found = tagging.untagged(desk, key, start=day(start), end=day(end))
    if as_json:
        document([one.to_data() for one in found])
        return
    rows = [
        (
            one.currency,
            rounded(str(one.gross)),
            rounded(str(one.untagged)),
            "–" if one.share is None else f"{one.share:.1%}",
        )
        for one in found
    ]
    table(f"Usage without the tag {key}", ("currency", "gross usage", "without", "share"), rows)

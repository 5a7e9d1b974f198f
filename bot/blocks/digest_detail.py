"""The thread of a digest: the rest of the movers, all that nobody owns, and how it was counted."""

import json
from collections.abc import Iterable, Iterator

from bot.blocks import digest as head
from bot.blocks import kit
from bot.blocks.kit import Block
from spend.digest import Digest, Figure
from spend.period import DAY

#: Slack refuses blocks of more than about 13,200 characters (`msg_blocks_too_long`, undocumented).
CHARACTERS, BLOCKS = 9000, 45
SHOWN_SNAPSHOTS, SHOWN_RESTATED = 6, 5


def draw(key: str, digest: Digest) -> tuple[str, list[Block]]:
    """The text and the blocks; what would not fit is counted, and the command that shows it is named."""
    tail = [kit.section("\n".join(_counted(digest)))]
    room = CHARACTERS - _size(tail)
    blocks: list[Block] = []
    left = 0
    for block in _rows(key, digest):
        if left or _size([block]) > room or len(blocks) >= BLOCKS:
            left += 1
            continue
        blocks.append(block)
        room -= _size([block])
    if left:
        team = kit.name(digest.team, 40)
        tail.insert(0, kit.context(f"… and {left} more: `bursar digest {team} --json` lists them all"))
    return f"More about {head.week(digest)}", [*blocks, *tail]


def _size(blocks: Iterable[Block]) -> int:
    return len(json.dumps(list(blocks), ensure_ascii=False)) + 4


def _rows(key: str, digest: Digest) -> Iterator[Block]:
    shown = {place for place, _, _ in head.shown_moves(digest)}
    rest = [one for one in head.numbered(digest) if one[0] not in shown]
    if rest:
        yield kit.section("*More that changed*")
    yield from (head.mover(key, one) for one in rest)
    for figure in head.by_size(digest)[head.SHOWN_CURRENCIES :]:
        yield kit.section(_figure(figure))
    more = list(enumerate(digest.unowned))[head.SHOWN_UNOWNED :]
    if more:
        yield kit.section("*More that nobody owns*")
    yield from (head.unowned(key, place, one) for place, one in more)


def _figure(figure: Figure) -> str:
    total, moved = (
        kit.amount(figure.total, figure.currency),
        kit.change(figure.change, figure.currency),
    )
    return f"*{total}* this week, {moved} against the week before."


def _counted(digest: Digest) -> list[str]:
    before = digest.week.before()
    lines = [
        "*How this is counted*",
        f"Basis: {head.BASES[digest.basis]}. A commitment's price is spread over what it covers.",
        f"Week: {head.week(digest)}, in UTC; changes against {kit.days(before.start, before.end - DAY)}.",
        "A charge goes to the team that its tag or a claim names; shared costs are split by their rule.",
        "The month's forecast follows the weekdays; eight months of ten end inside its range.",
    ]
    for one in digest.corrections[:SHOWN_RESTATED]:
        changed = kit.change(one.amount, one.currency)
        lines.append(f"Corrected since the last digest: {changed} ({kit.prose(one.reason, 120)}).")
    if (more := len(digest.corrections) - SHOWN_RESTATED) > 0:
        lines.append(f"… and {kit.count(more, 'more correction')}.")
    if digest.snapshots:
        names = [f"`{kit.name(one, 25)}`" for one in digest.snapshots[:SHOWN_SNAPSHOTS]]
        extra = len(digest.snapshots) - SHOWN_SNAPSHOTS
        lines.append(f"Bills: {', '.join(names)}{f' and {extra} more' if extra > 0 else ''}.")
    return lines

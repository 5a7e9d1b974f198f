"""Where each record shows in Slack: the surface names that messages are posted, updated and threaded by."""

from flows.org import Org
from storage import say, tables
from storage.unit import Unit

#: Targets that a card shows; the rest stands in its thread.
MOST_TARGETS = 10


def plan(key: str) -> str:
    """The approval card of a plan."""
    return f"plan:{key}"


def finding(key: str) -> str:
    """The notice of a finding."""
    return f"finding:{key}"


def dispute(key: str) -> str:
    """The finance thread of a dispute."""
    return f"dispute:{key}"


def standing(key: str) -> str:
    """The card of a standing approval."""
    return f"standing:{key}"


def recovery(key: str, channel: str) -> str:
    """What a channel was told of a restored database."""
    return f"recovery:{key}:{channel}"


def warned(key: str) -> str:
    """What the owners of a team were told of a plan."""
    return f"warned:{key}"


def claim(key: str) -> str:
    """What finance was told of a claim."""
    return f"claim:{key}"


def digest(key: str) -> str:
    """A published digest."""
    return f"digest:{key}"


def watched(key: str) -> str:
    """What was told of a source that is late, silent or shrunk."""
    return f"watched:{key}"


def channel_of(org: Org, team: str | None) -> str:
    """The channel of a team; finance hears of what has no team."""
    return org.teams[team].channel if team is not None and team in org.teams else org.finance_channel


def tell(unit: Unit, channel: str, text: str, *, thread: str | None = None) -> None:
    """Post one sentence, in a thread if one is named."""
    unit.send("post", "sentence", "", channel=channel, thread=thread, args={"text": text})


def whisper(unit: Unit, channel: str, person: str, text: str) -> None:
    """Say one sentence that only this person sees."""
    unit.send("ephemeral", "sentence", "", channel=channel, person=person, args={"text": text})


def refresh(unit: Unit, row: tables.Plan | tables.Finding | tables.Dispute | tables.Standing) -> None:
    """Ask for the newest wording of a record's message."""
    template = str(type(row).__tablename__)
    unit.send("update", template, row.id, surface=f"{template}:{row.id}")
    if isinstance(row, tables.Plan):
        for told in say.warnings(unit.session, row.id):
            unit.send("update", "warned", told.id, surface=warned(told.id))

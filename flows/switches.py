"""The kill switch: nothing further is called while it is on."""

from datetime import datetime

from flows import cards
from flows.desk import Desk
from spend.errors import Refused
from storage import switches


def throw(desk: Desk, *, on: bool, actor: str, reason: str, now: datetime) -> None:
    """Throw the kill switch and tell the on-call channel.

    Raises:
        Refused: no reason was given.
    """
    if not reason.strip():
        raise Refused("Say why: the reason is kept in the audit log.")
    with desk.store.writing(now) as unit:
        switches.throw(unit, switches.KILL, on=on, actor=actor, reason=reason)
        if desk.org.oncall_channel:
            state = "on: no remediation makes another call" if on else "off: approved plans run again"
            cards.tell(unit, desk.org.oncall_channel, f"The kill switch is {state}. Reason: {reason}")

"""Switches that people throw; each throw is an audit entry."""

from sqlalchemy.orm import Session

from storage import tables
from storage.unit import Unit

KILL = "kill"


def is_on(session: Session, name: str) -> bool:
    """Whether the switch is on; one never thrown is off."""
    row = session.get(tables.Switch, name)
    return row is not None and row.on


def throw(unit: Unit, name: str, *, on: bool, actor: str, reason: str) -> None:
    """Throw a switch, and say who and why."""
    before = is_on(unit.session, name)
    unit.session.merge(tables.Switch(name=name, on=on, thrown_by=actor, reason=reason, at=unit.now))
    unit.record(
        f"switch.{'on' if on else 'off'}",
        actor=actor,
        subject=name,
        before={"on": before},
        after={"on": on},
        reason=reason,
    )

"""What all tables share: one naming rule for constraints, and the shape of a record with a state."""

from collections.abc import Iterable
from enum import StrEnum

from sqlalchemy import CheckConstraint
from sqlmodel import Field, MetaData, SQLModel

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
}


class Row(SQLModel):
    """The root of all tables, with one naming rule for constraints."""

    metadata = MetaData(naming_convention=NAMES)


class Moving(Row):
    """A record with a state; only the unit of work may change `state` and `version`."""

    id: str = Field(primary_key=True)
    state: str = Field(index=True)
    version: int = 1


def one_of(states: Iterable[StrEnum]) -> CheckConstraint:
    """A CHECK that the state is one the code knows."""
    return CheckConstraint(f"state IN ({', '.join(repr(str(state)) for state in states)})", name="state")

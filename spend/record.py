"""Frozen dataclasses as plain JSON data and back, amounts and days as text."""

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from spend import canonical

Record = TypeVar("Record")


def to_data(value: Any) -> Any:
    """Plain JSON data of a record (canonical spelling)."""
    return canonical.data(value)


def from_data(kind: type[Record], data: Mapping[str, Any]) -> Record:
    """Build a record from what `to_data` gave. Keys that the class does not know are left out.

    Raises:
        KeyError: a field without a default is missing.
        TypeError: a field has a type that records do not use.
    """
    hints = get_type_hints(kind)
    known = {field.name for field in fields(kind) if field.name in data}  # type: ignore[arg-type]  # a dataclass
    for field in fields(kind):  # type: ignore[arg-type]  # a dataclass
        if field.name not in known and field.default is MISSING and field.default_factory is MISSING:
            raise KeyError(f"{kind.__name__} needs {field.name}")
    return kind(**{name: _value(hints[name], data[name]) for name in known})


def _value(hint: Any, data: Any) -> Any:
    """One value of a field: optional, tuple, or one of the plain kinds."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is UnionType:
        some = next(argument for argument in arguments if argument is not NoneType)
        return None if data is None else _value(some, data)
    if origin is tuple:
        return tuple(_value(arguments[0], item) for item in data)
    return _plain(hint, data)


def _plain(hint: Any, data: Any) -> Any:
    if hint in {str, int, bool}:
        return data
    if hint in {date, datetime}:
        return hint.fromisoformat(data)
    if isinstance(hint, type) and issubclass(hint, Decimal | StrEnum):
        return hint(data)
    if is_dataclass(hint):
        return from_data(hint, data)  # type: ignore[arg-type]  # a dataclass is a type here
    raise TypeError(f"records do not hold {hint}")

"""One spelling for a value that is hashed: RFC 8785 JSON without floats."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

import rfc8785

from spend.money import plain


def data(value: Any) -> Any:  # noqa: C901, PLR0911 - one arm for each kind of value
    """Turn a value into plain JSON data: amounts and times as text, sets sorted.

    Raises:
        TypeError: the value holds a float or something that has no one spelling.
        ValueError: a time has no zone.
    """
    match value:
        case None | bool() | str() | int() if not isinstance(value, Enum):
            return value
        case Enum():
            return value.value
        case Decimal():
            return plain(value)
        case datetime():
            if value.tzinfo is None:
                raise ValueError(f"a time without a zone has no one meaning: {value}")
            return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        case date():
            return value.isoformat()
        case Mapping():
            return {str(key): data(item) for key, item in value.items()}
        case set() | frozenset():
            return sorted(data(item) for item in value)
        case Sequence():
            return [data(item) for item in value]
        case _ if is_dataclass(value):
            return {field.name: data(getattr(value, field.name)) for field in fields(value)}
    raise TypeError(f"{type(value).__name__} has no canonical spelling")


def encode(value: Any) -> bytes:
    """Spell a value as canonical JSON (RFC 8785: sorted keys, no spaces)."""
    return bytes(rfc8785.dumps(data(value)))


def text(value: Any) -> str:
    """Spell a value as canonical JSON text."""
    return encode(value).decode()


def digest(value: Any) -> str:
    """Hash a value: SHA-256, in hex, over its canonical JSON."""
    return hashlib.sha256(encode(value)).hexdigest()

"""Column types that keep what they are given: exact money, aware UTC, canonical JSON."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import DateTime, Dialect, Numeric, String, Text
from sqlalchemy.types import TypeDecorator, TypeEngine

from spend import canonical
from spend.money import plain, quantize


class Money(TypeDecorator[Decimal]):
    """A Decimal of up to 20 decimals: NUMERIC(38,20) on PostgreSQL, text on SQLite.

    SQLite has no decimals, so amounts must not be summed, compared or ordered in SQL there.
    """

    impl = Numeric
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Numbers where the database has them, text elsewhere."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(Text())
        return dialect.type_descriptor(Numeric(38, 20))

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """Refuse floats; spell the amount for SQLite."""
        if value is None:
            return None
        if not isinstance(value, Decimal):
            raise TypeError(f"money is a Decimal, not {type(value).__name__}")
        return plain(quantize(value)) if dialect.name == "sqlite" else quantize(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        """Read the amount back as it was stored."""
        return None if value is None else Decimal(value)


class Utc(TypeDecorator[datetime]):
    """An aware time in UTC: TIMESTAMPTZ on PostgreSQL, sortable ISO text on SQLite."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """A time with a zone, or text of one fixed width."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(String(27))
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """Refuse a time without a zone."""
        if value is None:
            return None
        text = canonical.data(value)
        return text if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Read an aware time back, in UTC."""
        if value is None:
            return None
        return (datetime.fromisoformat(value) if isinstance(value, str) else value).astimezone(UTC)


class Document(TypeDecorator[Any]):
    """JSON data as canonical text, so that what was hashed is what is stored. Replace it, never edit it."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """Spell it canonically."""
        return None if value is None else canonical.text(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """Read plain JSON data back."""
        return None if value is None else json.loads(value)

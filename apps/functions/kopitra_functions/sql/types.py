"""Column types that mean the same on SQLite and on SQL Server: exact decimals, UTC times, identifiers, JSON."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
from sqlalchemy import Dialect, LargeBinary, String, Text, UnicodeText
from sqlalchemy.dialects import mssql
from sqlalchemy.types import TypeDecorator, TypeEngine

from kopitra.domain.instants import rfc3339

DECIMAL_PRECISION = 28
DECIMAL_PLACES = 10
"""The wire's places, with 18 digits before the point: sums of a million of its largest amounts still fit."""
DECIMAL_LIMIT = Decimal(10) ** (DECIMAL_PRECISION - DECIMAL_PLACES)
BINARY_COLLATION = "Latin1_General_100_BIN2"
"""SQL Server's default takes `Alice` and `alice` for one; the counterparty, and SQLite, do not."""
TENANT_LENGTH = 64
ACCOUNT_LENGTH = 64
ID_LENGTH = 128
"""The wire's longest id."""
SUBJECT_LENGTH = 255
"""OpenID Connect's longest subject."""
WORD_LENGTH = 64
"""Statuses, kinds, symbols: the words of the protocol."""
TEXT_LENGTH = 512
"""The wire's longest text."""

_encoder = msgspec.json.Encoder(decimal_format="string")


def canonical(value: Decimal) -> Decimal:
    """Without trailing zeros or exponent: `1.50` and `1.5` are one value and one text."""
    if value == value.to_integral_value():
        return Decimal(int(value))
    return value.normalize()


class ExactDecimal(TypeDecorator[Decimal]):
    """DECIMAL(28, 10) on SQL Server, which calls it NUMERIC as well; canonical text on SQLite, which has no decimals
    of its own. Text neither sums nor sorts by value there: arithmetic belongs into Python. Raises ValueError for what
    does not fit exactly."""

    impl = String(DECIMAL_PRECISION + 2)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "mssql":
            return dialect.type_descriptor(mssql.DECIMAL(DECIMAL_PRECISION, DECIMAL_PLACES))
        return dialect.type_descriptor(String(DECIMAL_PRECISION + 2))

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        exact = _fitting(value)
        return exact if dialect.name == "mssql" else format(exact, "f")

    def process_result_value(self, value: Any | None, dialect: Dialect) -> Decimal | None:
        return None if value is None else canonical(Decimal(value))


def _fitting(value: Decimal) -> Decimal:
    if not isinstance(value, Decimal):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"an exact decimal is wanted, not {type(value).__name__}")
    if not value.is_finite() or abs(value) >= DECIMAL_LIMIT:
        raise ValueError(f"{value} has no place in DECIMAL({DECIMAL_PRECISION}, {DECIMAL_PLACES})")
    exact = canonical(value)
    exponent = exact.as_tuple().exponent
    if isinstance(exponent, int) and -exponent > DECIMAL_PLACES:
        raise ValueError(f"{value} has more than {DECIMAL_PLACES} decimal places")
    return exact


class UtcTime(TypeDecorator[datetime]):
    """Aware UTC, whole milliseconds (the rest is cut off): DATETIME2(3) on SQL Server, RFC 3339 text on SQLite, which
    sorts by time. Raises ValueError for a naive time."""

    impl = String(24)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "mssql":
            return dialect.type_descriptor(mssql.DATETIME2(3))
        return dialect.type_descriptor(String(24))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time in a table must be aware")
        if dialect.name != "mssql":
            return rfc3339(value)
        plain = value.astimezone(UTC).replace(tzinfo=None)
        return plain.replace(microsecond=plain.microsecond // 1000 * 1000)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if isinstance(value, datetime) else datetime.fromisoformat(value)


class Json(TypeDecorator[Any]):
    """JSON as text. Takes what msgspec encodes (structs, `msgspec.Raw`, dicts; Decimals become strings, as on the
    wire) and gives dicts, lists and scalars back, whose fractions are Decimals."""

    impl = UnicodeText
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(mssql.NVARCHAR() if dialect.name == "mssql" else Text())

    def process_bind_param(self, value: Any | None, dialect: Dialect) -> str | None:
        return None if value is None else _encoder.encode(value).decode()

    def process_result_value(self, value: Any | None, dialect: Dialect) -> Any:
        return None if value is None else _decoder.decode(value)


_decoder = msgspec.json.Decoder(float_hook=Decimal)


def identifier(length: int = ID_LENGTH) -> TypeEngine[str]:
    """Text that is compared character by character."""
    return String(length).with_variant(mssql.NVARCHAR(length, collation=BINARY_COLLATION), "mssql")


def words(length: int = TEXT_LENGTH) -> TypeEngine[str]:
    """Text for people."""
    return String(length).with_variant(mssql.NVARCHAR(length), "mssql")


def long_text() -> TypeEngine[str]:
    return Text().with_variant(mssql.NVARCHAR(), "mssql")


def sealed_bytes() -> TypeEngine[bytes]:
    return LargeBinary().with_variant(mssql.VARBINARY("max"), "mssql")

"""Columns that many tables have, each made anew: a column belongs to one table."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, ForeignKeyConstraint, Integer

from kopitra_functions.sql.types import (
    ACCOUNT_LENGTH,
    ID_LENGTH,
    SUBJECT_LENGTH,
    TENANT_LENGTH,
    TEXT_LENGTH,
    WORD_LENGTH,
    ExactDecimal,
    Json,
    UtcTime,
    identifier,
    words,
)


def tenant(*, key: bool = False) -> Column[str]:
    return Column("tenant", identifier(TENANT_LENGTH), primary_key=key, nullable=False)


def account(name: str = "account", *, key: bool = False, required: bool = True) -> Column[str]:
    return Column(name, identifier(ACCOUNT_LENGTH), primary_key=key, nullable=not (key or required))


def id_(name: str, *, key: bool = False, required: bool = False, length: int = ID_LENGTH) -> Column[str]:
    return Column(name, identifier(length), primary_key=key, nullable=not (key or required))


def subject(name: str, *, key: bool = False, required: bool = False) -> Column[str]:
    """Who did it: an operator's subject, or a service."""
    return Column(name, identifier(SUBJECT_LENGTH), primary_key=key, nullable=not (key or required))


def word(name: str, *, key: bool = False, required: bool = False) -> Column[str]:
    return Column(name, identifier(WORD_LENGTH), primary_key=key, nullable=not (key or required))


def text(name: str, *, required: bool = False, length: int = TEXT_LENGTH) -> Column[str]:
    return Column(name, words(length), nullable=not required)


def moment(name: str, *, key: bool = False, required: bool = False) -> Column[datetime]:
    return Column(name, UtcTime, primary_key=key, nullable=not (key or required))


def amount(name: str, *, required: bool = False) -> Column[Decimal]:
    """Lots, a price, or money."""
    return Column(name, ExactDecimal, nullable=not required)


def whole(name: str, *, key: bool = False, required: bool = False) -> Column[int]:
    """64 bits: tickets, magic numbers, sequences."""
    return Column(name, BigInteger, primary_key=key, autoincrement=False, nullable=not (key or required))


def count(name: str, *, key: bool = False, required: bool = False) -> Column[int]:
    """32 bits."""
    return Column(name, Integer, primary_key=key, autoincrement=False, nullable=not (key or required))


def flag(name: str, *, required: bool = True) -> Column[bool]:
    return Column(name, Boolean, nullable=not required)


def document(name: str, *, required: bool = False) -> Column[Any]:
    return Column(name, Json, nullable=not required)


def place(*, key: bool = False, required: bool = True) -> tuple[Column[str], Column[str], Column[int]]:
    """An event's identity: journal, shard, sequence."""
    return (
        id_("journal_id", key=key, required=required, length=WORD_LENGTH),
        id_("shard", key=key, required=required, length=WORD_LENGTH),
        whole("sequence", key=key, required=required),
    )


def edited() -> tuple[Column[datetime], Column[datetime], Column[str], Column[int]]:
    """`version` is the row's ETag: 1 when it is made, one more with each edit."""
    return (
        moment("created_at", required=True),
        moment("updated_at", required=True),
        subject("updated_by"),
        count("version", required=True),
    )


def belongs(columns: tuple[str, ...], table: str, keys: tuple[str, ...]) -> ForeignKeyConstraint:
    """A reference within one tenant: the first of both is `tenant`, so none leads to another's row."""
    return ForeignKeyConstraint(columns, [f"{table}.{key}" for key in keys])

"""The metadata of all tables, their column types, and the forms of condition that Core has no short word for."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ARRAY,
    TIMESTAMP,
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    FetchedValue,
    Identity,
    Integer,
    MetaData,
    Text,
    any_,
    func,
    literal,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import UserDefinedType

SCHEMA = "stripe_sync"  # the name in statements; a warehouse with another schema has that in its place
METADATA = MetaData(schema=SCHEMA)
VIEWS = MetaData(schema=SCHEMA)  # read, never created here
Default = str | FetchedValue | ColumnElement[Any] | None


class TransactionId(UserDefinedType[str]):
    """PostgreSQL's ``xid8``."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        """Return the type's name in SQL."""
        return "xid8"


class VisibleTransactions(UserDefinedType[str]):
    """PostgreSQL's ``pg_snapshot``."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        """Return the type's name in SQL."""
        return "pg_snapshot"


def key(name: str) -> Column[str]:
    """Return a part of a primary key that is an id, compared byte by byte."""
    return Column(name, Text(collation="C"), primary_key=True)


def code(name: str) -> Column[str]:
    """Return a part of a primary key that is one of a few words, or is never sorted."""
    return Column(name, Text, primary_key=True)


def serial() -> Column[int]:
    """Return the primary key that the database counts."""
    return Column("id", BigInteger, Identity(always=True), primary_key=True)


def ids(*names: str) -> list[Column[str]]:
    """Return columns of ids, compared byte by byte."""
    return [Column(name, Text(collation="C"), nullable=False) for name in names]


def texts(*names: str, default: Default = None) -> list[Column[str]]:
    """Return columns of text."""
    return [Column(name, Text, nullable=False, server_default=default) for name in names]


def optional_texts(*names: str) -> list[Column[str]]:
    """Return columns of text that may be null."""
    return [Column(name, Text) for name in names]


def lists(*names: str, default: Default = None) -> list[Column[list[str]]]:
    """Return columns of lists of text."""
    return [Column(name, ARRAY(Text), nullable=False, server_default=default) for name in names]


def documents(*names: str, default: Default = None) -> list[Column[Any]]:
    """Return columns of JSON whose fractional numbers are decimals."""
    return [Column(name, JSONB(none_as_null=True), nullable=False, server_default=default) for name in names]


def optional_documents(*names: str) -> list[Column[Any]]:
    """Return columns of JSON that may be null, which is never JSON's null."""
    return [Column(name, JSONB(none_as_null=True)) for name in names]


def timestamps(*names: str) -> list[Column[datetime]]:
    """Return columns of times, UTC."""
    return [Column(name, TIMESTAMP(timezone=True), nullable=False) for name in names]


def optional_timestamps(*names: str) -> list[Column[datetime]]:
    """Return columns of times, UTC, that may be null."""
    return [Column(name, TIMESTAMP(timezone=True)) for name in names]


def stamp(name: str) -> Column[datetime]:
    """Return a column that the database sets to the start of the transaction."""
    return Column(name, TIMESTAMP(timezone=True), nullable=False, server_default=func.now())


def numbers(*names: str, default: Default = None) -> list[Column[int]]:
    """Return columns of numbers of 64 bits: ids of rows, minor units."""
    return [Column(name, BigInteger, nullable=False, server_default=default) for name in names]


def counts(*names: str) -> list[Column[int]]:
    """Return columns of numbers of 32 bits."""
    return [Column(name, Integer, nullable=False) for name in names]


def flags(*names: str, default: Default = None) -> list[Column[bool]]:
    """Return columns of booleans."""
    return [Column(name, Boolean, nullable=False, server_default=default) for name in names]


def is_among(column: ColumnElement[str], values: Collection[str]) -> ColumnElement[bool]:
    """Return the condition that a column has one of these texts; one parameter, however many they are."""
    return column == any_(literal(list(values), ARRAY(Text)))


def is_among_ids(column: ColumnElement[int], values: Collection[int]) -> ColumnElement[bool]:
    """Return the condition that a column has one of these numbers; one parameter, however many they are."""
    return column == any_(literal(list(values), ARRAY(BigInteger)))

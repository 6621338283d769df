"""One engine a process, one URL form, one way to run SQL files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from functools import cache
from select import select as select_ready
from time import monotonic
from typing import Any

import psycopg.types.json
from sqlalchemy import (
    Connection,
    Engine,
    TextClause,
    column,
    create_engine,
    event,
    func,
    inspect,
    make_url,
    select,
    table,
    text,
)
from sqlalchemy.exc import ArgumentError, InvalidatePoolError, OperationalError
from sqlalchemy.schema import CreateSchema

from stripe_sync.core.config import packaged
from stripe_sync.core.errors import ConfigurationError
from stripe_sync.warehouse.embedded.paths import URL_VARIABLE
from stripe_sync.warehouse.json_text import dumps, loads
from stripe_sync.warehouse.schema import PARAMETER, qualified, schema_in, schema_of
from stripe_sync.warehouse.tables.columns import SCHEMA

DRIVER = "postgresql+psycopg"
VERSION_TABLE = "schema_version"
STAGING_SCHEMA = '"{schema}"'  # the one name that is put into SQL files, quoted
PREPARED = 300  # statements a connection; a run has about 200
PINGED_AFTER = 30.0  # seconds that a connection was idle


def url_from(environ: Mapping[str, str]) -> str:
    """The warehouse's URL. Raises ConfigurationError where it is absent or of another kind."""
    given = environ.get(URL_VARIABLE)
    if not given:
        raise ConfigurationError(f"{URL_VARIABLE} is not set and no embedded database was started.")
    try:
        url = make_url(given)
    except ArgumentError:
        raise ConfigurationError(f"{URL_VARIABLE} is not a URL; its form is {DRIVER}://USER@HOST/DATABASE.") from None
    if url.drivername not in ("postgresql", "postgres", DRIVER):
        raise ConfigurationError(
            f"{URL_VARIABLE} names {url.drivername}; the warehouse is PostgreSQL ({DRIVER}://...)."
        )
    return url.set(drivername=DRIVER).render_as_string(hide_password=False)


@cache
def engine_of(url: str) -> Engine:
    """The engine of a URL: one pool a process. Its ``schema`` is where the tables are."""
    parsed = make_url(url)
    schema = schema_in(parsed)
    engine = create_engine(
        parsed.difference_update_query([PARAMETER]),
        execution_options={} if schema == SCHEMA else {"schema_translate_map": {SCHEMA: schema}},
        pool_size=5,
        max_overflow=20,
        pool_use_lifo=True,  # the connection that was used last has the most statements prepared
        json_serializer=dumps,
        json_deserializer=loads,
        hide_parameters=True,
    )
    ping_before_use(engine)

    @event.listens_for(engine, "connect")
    def register(connection: Any, _record: Any) -> None:
        connection.prepared_max = PREPARED
        psycopg.types.json.set_json_dumps(dumps, connection)
        psycopg.types.json.set_json_loads(loads, connection)

    return engine


def ping_before_use(engine: Engine) -> None:
    """Ping a pooled connection before use where it was idle for long or has something to read.

    A server that ends a connection says so on it, so one that was used lately and is silent needs no ping.
    """

    @event.listens_for(engine, "checkin")
    def note_time(_connection: Any, record: Any) -> None:
        record.info["idle_since"] = monotonic()

    @event.listens_for(engine, "checkout")
    def ping(connection: Any, record: Any, _proxy: Any) -> None:
        if monotonic() - record.info.get("idle_since", monotonic()) < PINGED_AFTER and not has_input(connection):
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError from error


def has_input(connection: psycopg.Connection) -> bool:
    """Return whether the server has sent something without a statement, or has closed the connection."""
    return connection.closed or bool(select_ready([connection.fileno()], [], [], 0)[0])


def connect(url: str) -> Engine:
    """The engine, after a proof of life and with all migrations made. Raises ConfigurationError."""
    engine = engine_of(url)
    try:
        with engine.connect() as connection:
            connection.execute(select(1))
    except OperationalError as error:
        reason = str(error.orig).strip().splitlines()[0]
        raise ConfigurationError(
            f"The warehouse {make_url(url).render_as_string(hide_password=True)} does not answer ({reason}); "
            f"start it, or correct {URL_VARIABLE}."
        ) from None
    migrate(engine)
    return engine


def migrate(engine: Engine) -> None:
    """Brings the schema up to date; does nothing where it is. Two at once take turns."""
    if version_of(engine) == newest_version():
        return
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(packaged.migrations()))
    with engine.begin() as connection:
        connection.execute(select(func.pg_advisory_xact_lock(7265190)))
        schema = schema_of(engine)
        if not inspect(connection).has_schema(schema):
            connection.execute(CreateSchema(schema))
        config.attributes.update(connection=connection, schema=schema, version_table=VERSION_TABLE)
        command.upgrade(config, "head")


def version_of(engine: Engine) -> str | None:
    """Return the migration that the schema is at; None for a new database."""
    schema = schema_of(engine)
    version = table(VERSION_TABLE, column("version_num"), schema=schema)
    with connect_to_read(engine) as connection:
        if connection.execute(select(func.to_regclass(f'"{schema}".{VERSION_TABLE}'))).scalar() is None:
            return None
        found: str | None = connection.execute(select(version.c.version_num)).scalar()
        return found


def connect_to_read(engine: Engine) -> Connection:
    """Return a connection for statements that only read.

    Each statement is a transaction of its own. So none begins or is rolled back, which are two round trips and make the
    driver forget what it has prepared; at READ COMMITTED each statement sees the newest rows in either case.
    """
    return engine.connect().execution_options(isolation_level="AUTOCOMMIT")


@cache
def newest_version() -> str:
    """The newest migration: their files begin with their number."""
    return max(path.name.partition("_")[0] for path in (packaged.migrations() / "versions").glob("[0-9]*.py"))


@contextmanager
def one_at_a_time(engine: Engine, name: str) -> Iterator[None]:
    """Let one of several processes do what has this name; the others wait, and then see what it did.

    The lock is one of a transaction of its own, which reads nothing: transaction pooling keeps it on one connection.
    """
    with engine.begin() as connection:
        connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"{schema_of(engine)} {name}", 1))))
        yield


@cache
def statement(name: str, schema: str = SCHEMA) -> TextClause:
    """Return one SQL file for a schema, whose parameters are looked for once a process."""
    return text(qualified(packaged.sql(name), schema))


def run_sql(connection: Connection, name: str, /, **parameters: Any) -> list[dict[str, Any]]:
    """Return the rows of one SQL file, as dictionaries; none of one that gives none."""
    return _rows(connection, statement(name, schema_of(connection)), parameters)


def run_staged(connection: Connection, name: str, schema: str, /, **parameters: Any) -> list[dict[str, Any]]:
    """Return the rows of one SQL file that reads the staging tables of a schema."""
    quoted = connection.dialect.identifier_preparer.quote_identifier(schema)
    query = qualified(packaged.sql(name), schema_of(connection)).replace(STAGING_SCHEMA, quoted)
    return _rows(connection, text(query), parameters)


def _rows(connection: Connection, query: TextClause, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
    result = connection.execute(query, parameters)
    names = tuple(result.keys()) if result.returns_rows else ()
    return [dict(zip(names, row, strict=True)) for row in result] if names else []


def streamed(connection: Connection, name: str, /, **parameters: Any) -> Iterator[dict[str, Any]]:
    """The rows of one SQL file as they come, so that few are held in memory."""
    yield from opened(connection, name, **parameters)[1]


def opened(connection: Connection, name: str, /, **parameters: Any) -> tuple[tuple[str, ...], Iterator[dict[str, Any]]]:
    """The names of the columns of one SQL file, and its rows as they come."""
    query = statement(name, schema_of(connection))
    result = connection.execute(query, parameters, execution_options={"stream_results": True})
    names = tuple(result.keys())

    def rows() -> Iterator[dict[str, Any]]:
        with closing(result):
            for row in result:
                yield dict(zip(names, row, strict=True))

    return names, rows()


if __name__ == "__main__":
    import os

    connect(url_from(os.environ))

"""Connections in both of Airflow's forms, JSON and URI, read without Airflow.

They are read from ``AIRFLOW_CONN_<ID>``; inside Airflow, its hooks return the same object. The secret never appears in
``repr``, in an exception or in a log.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from stripe_sync.core.errors import ConfigurationError


@dataclass(frozen=True)
class Connection:
    """Connection to an API: ``password`` is the key; ``host`` overrides the API's base URL."""

    id: str
    type: str
    host: str | None = None
    schema: str | None = None
    login: str | None = None
    port: int | None = None
    password: str | None = field(default=None, repr=False)
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def key(self) -> str:
        """Return the key. Raises ConfigurationError where the connection has none."""
        if not self.password:
            raise ConfigurationError(f"Connection {self.id} has no password. Store the API key as its password.")
        return self.password

    def base_url(self, default: str) -> str:
        """Return the API's base URL: the connection's host and port if set, else the default."""
        if not self.host:
            return default
        scheme, _, rest = self.host.rpartition("://")
        scheme = scheme or self.schema or "https"
        return f"{scheme}://{rest.rstrip('/')}" + (f":{self.port}" if self.port else "")


def variable(id: str) -> str:
    """Return the name of the environment variable of a connection."""
    return f"AIRFLOW_CONN_{id.upper()}"


def from_environ(id: str, environ: Mapping[str, str]) -> Connection:
    """Read a connection from ``AIRFLOW_CONN_<ID>``. Raises ConfigurationError, which names the variable."""
    text = environ.get(variable(id))
    if not text:
        raise ConfigurationError(
            f"Connection {id} not found. Set {variable(id)} as .env.example shows, or create the connection in Airflow."
        )
    return parse(id, text)


def parse(id: str, text: str) -> Connection:
    """Parse a connection's JSON or URI. Raises ConfigurationError, which does not contain the text."""
    try:
        return parse_json(id, text) if text.lstrip().startswith("{") else parse_uri(id, text)
    except (ValueError, TypeError, AttributeError):
        raise ConfigurationError(
            f"Connection {id} ({variable(id)}) is neither valid JSON nor a valid URI of Airflow. "
            f'The shortest form is {{"conn_type": "stripe", "password": "..."}}.'
        ) from None


def parse_json(id: str, text: str) -> Connection:
    """Parse Airflow's JSON form. Raises ValueError or TypeError where it is invalid."""
    given = json.loads(text)
    extra = given.get("extra") or {}
    if isinstance(extra, str):
        extra = json.loads(extra)
    if not isinstance(extra, dict):
        raise ValueError("extra is not an object")
    port = given.get("port")
    return Connection(
        id=id,
        type=given.get("conn_type", ""),
        host=given.get("host"),
        schema=given.get("schema"),
        login=given.get("login"),
        password=given.get("password"),
        port=int(port) if port not in (None, "") else None,
        extra=extra,
    )


def parse_uri(id: str, text: str) -> Connection:
    """Parse Airflow's URI form: ``type://user:password@host:port/schema?extra``, with ``-`` for ``_`` in the type.

    A second scheme, ``type://http://...``, belongs to the host. Raises ValueError where the URI is invalid.
    """
    kind, separator, rest = text.partition("://")
    if not separator or text.count("://") > 2:
        raise ValueError("not a URI")
    scheme, inner, rest_of_host = rest.partition("://")
    if inner and set(scheme) & {"@", ":"}:
        raise ValueError("the second scheme must stand first")
    parts = urlsplit(f"//{rest_of_host if inner else rest}")
    host = unquote(parts.hostname or "")
    host = host_of(parts.netloc) if "/" in host else host  # a path in the host keeps its case
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    extra = json.loads(query["__extra__"]) if "__extra__" in query else {k: decoded(v) for k, v in query.items()}
    return Connection(
        id=id,
        type="postgres" if kind == "postgresql" else kind.replace("-", "_"),
        host=f"{scheme}://{host}" if inner and host else host or None,
        schema=unquote(parts.path[1:]) or None,
        login=unquote(parts.username or "") or None,
        password=unquote(parts.password or "") or None,
        port=parts.port,
        extra=extra,
    )


def host_of(netloc: str) -> str:
    """Return the unquoted host in its original case; ``urlsplit`` lowers it."""
    host = netloc.rpartition("@")[2]
    head, _, port = host.rpartition(":")
    return unquote(head if port.isdigit() else host)


def decoded(value: str) -> Any:
    """Return a query value of a URI as Airflow reads it: decoded JSON, or text."""
    try:
        return json.loads(value) if value else value
    except ValueError:
        return value

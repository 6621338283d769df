"""Connections in both of Airflow's forms, JSON and URI, read without Airflow.

A connection comes from ``AIRFLOW_CONN_<ID>`` here; inside Airflow, its hooks give the same object. The secret is never
in ``repr``, in an exception or in a log.
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
    """Where an API is and the key for it. ``password`` is the key; ``host`` overrides the API's base URL."""

    id: str
    type: str
    host: str | None = None
    schema: str | None = None
    login: str | None = None
    port: int | None = None
    password: str | None = field(default=None, repr=False)
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def key(self) -> str:
        """The key. Raises ConfigurationError where the connection has none."""
        if not self.password:
            raise ConfigurationError(f"The connection {self.id} has no password; put the API key there.")
        return self.password

    def base_url(self, default: str) -> str:
        """The API's base URL: the connection's host and port if set, else the default."""
        if not self.host:
            return default
        scheme, _, rest = self.host.rpartition("://")
        scheme = scheme or self.schema or "https"
        return f"{scheme}://{rest.rstrip('/')}" + (f":{self.port}" if self.port else "")


def variable(id: str) -> str:
    """The name of the environment variable of a connection."""
    return f"AIRFLOW_CONN_{id.upper()}"


def from_environ(id: str, environ: Mapping[str, str]) -> Connection:
    """The connection of ``AIRFLOW_CONN_<ID>``. Raises ConfigurationError, naming the variable."""
    text = environ.get(variable(id))
    if not text:
        raise ConfigurationError(
            f"There is no connection {id}: set {variable(id)} to JSON such as "
            f'{{"conn_type": "stripe", "password": "rk_..."}}, or make the connection in Airflow.'
        )
    return parse(id, text)


def parse(id: str, text: str) -> Connection:
    """A connection from its JSON or URI text. Raises ConfigurationError without repeating the text."""
    try:
        return parse_json(id, text) if text.lstrip().startswith("{") else parse_uri(id, text)
    except (ValueError, TypeError, AttributeError):
        raise ConfigurationError(
            f"The connection {id} ({variable(id)}) is neither JSON nor a URI that Airflow would read; "
            f'the shortest form is {{"conn_type": "stripe", "password": "..."}}.'
        ) from None


def parse_json(id: str, text: str) -> Connection:
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
    """Airflow's URI form: ``type://user:password@host:port/schema?extra``, with ``-`` for ``_`` in the type.

    A second scheme, ``type://http://...``, is the host's own.
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
    """The host as it is written, unquoted; ``urlsplit`` lowers it."""
    host = netloc.rpartition("@")[2]
    head, _, port = host.rpartition(":")
    return unquote(head if port.isdigit() else host)


def decoded(value: str) -> Any:
    """A query value of a URI as Airflow reads it: JSON where it is JSON, else text."""
    try:
        return json.loads(value) if value else value
    except ValueError:
        return value

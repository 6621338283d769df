"""Sessions for commands and scripts: with the configured warehouse, or an embedded one while the session is open."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from stripe_sync.core.config import settings
from stripe_sync.jobs.runtime.context import ConnectionOf, Progress, Session, open_session
from stripe_sync.warehouse.embedded import paths, server


@contextmanager
def session_for(
    name: str, *, environ: Mapping[str, str], connection_of: ConnectionOf, progress: Progress
) -> Iterator[Session]:
    """Open the session of an environment, and close its clients and the warehouse's connections at the end.

    Raises ConfigurationError for unusable settings or a warehouse that does not answer.
    """
    with warehouse_of(name, environ) as url:
        session = open_session(
            name, environ={**environ, paths.URL_VARIABLE: url}, connection_of=connection_of, progress=progress
        )
        try:
            yield session
        finally:
            session.close()
            session.engine.dispose()


@contextmanager
def warehouse_of(name: str, environ: Mapping[str, str]) -> Iterator[str]:
    """Yield the URL of the configured warehouse, else that of an embedded server that this process owns."""
    if given := environ.get(paths.URL_VARIABLE):
        yield given
        return
    settings.environment(name, settings.path_from(environ))  # report a mistake in the settings before a server starts
    with server.owned(paths.state_folder()) as url:
        yield url

"""The folders, the lock and the URL of an embedded PostgreSQL."""

from __future__ import annotations

import fcntl
import hashlib
import os
import pwd
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from stripe_sync.core.errors import NotReady

URL_VARIABLE = "STRIPE_SYNC_WAREHOUSE_URL"
USER, DATABASE = "stripe_sync", "stripe_sync"
KEPT = Path("/var/tmp")  # the system's temporary-but-kept folder


@dataclass(frozen=True)
class Place:
    """Paths of an embedded server. ``run_as`` is the unprivileged uid that runs it where this process is root."""

    data: Path
    sockets: Path
    lock: Path
    run_as: int | None

    def url(self, database: str = DATABASE) -> str:
        """Return the URL of the server's database."""
        return f"postgresql+psycopg://{USER}@localhost/{database}?host={self.sockets}"

    def conninfo(self, database: str = "postgres") -> str:
        return f"host={self.sockets} user={USER} dbname={database}"


def place_of(state: Path) -> Place:
    """Return the paths of a state folder's server.

    PostgreSQL refuses to run as root: the data are then in a separate folder under ``KEPT``, owned by the system
    account ``nobody``, and no parent folder's permissions are changed.
    """
    state = state.resolve()
    name = hashlib.sha256(str(state).encode()).hexdigest()[:12]
    run_as = pwd.getpwnam("nobody").pw_uid if os.getuid() == 0 else None
    base = KEPT / f"stripe_sync-{name}" if run_as is not None else state / "postgres"
    sockets = Path(tempfile.gettempdir()) / f"stripe_sync-{os.getuid()}-{name}"
    return Place(base / "data", sockets, state / "postgres.lock", run_as)


@contextmanager
def locked(state: Path) -> Iterator[Place]:
    """Hold the lock of a state folder's server. Raises NotReady, with the process that holds it."""
    place = place_of(state)
    place.lock.parent.mkdir(parents=True, exist_ok=True)
    with place.lock.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise NotReady(
                f"The embedded database of {state} is in use by process {lock.read().strip() or 'unknown'}; wait for it to "
                f"end, or run a PostgreSQL server and set {URL_VARIABLE}."
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield place


def state_folder() -> Path:
    """``STRIPE_SYNC_STATE``, else ``.state`` in the working folder."""
    return Path(os.environ.get("STRIPE_SYNC_STATE", ".state"))

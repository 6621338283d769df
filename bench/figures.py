"""Shared parts of the benchmarks: full sizes, figures, the stub process, timers, the scale."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parent.parent
# The full sizes.
SUBSCRIPTIONS, DOCUMENTS, CUSTOMERS = 100_000, 1_000_000, 10_000
ENTITIES, PLAN, PAIRS, DECIDED = 100_000, 100_000, 10_000, 100_000
MEASURED = 0.01  # below this scale nothing is measured, and no step is repeated
Figure = dict[str, Any]


def figure(
    stage: str, what: str, reached: Any, *, wanted: str = "", kept: bool | None = None, beside: str = ""
) -> Figure:
    return {"stage": stage, "what": what, "reached": reached, "wanted": wanted, "kept": kept, "beside": beside}


@contextmanager
def stub(count: int, *, latency: float, rate: float) -> Iterator[str]:
    """Run the stub of Stripe in a separate process; yields its URL."""
    with socket.create_server(("127.0.0.1", 0)) as listening:  # inherited, so that no other process takes the port
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        program = [sys.executable, "-m", "bench.server", str(count), str(latency), str(rate), str(listening.fileno())]
        process = subprocess.Popen(program, cwd=ROOT, pass_fds=[listening.fileno()])
    try:
        for _ in range(600):
            try:
                httpx.get(f"{url}/counts", timeout=1)
                break
            except httpx.HTTPError:
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(10)


def timed(work: Callable[[], Any]) -> tuple[float, float, Any]:
    """Return (seconds, CPU-seconds of this process, result)."""
    wall, cpu = time.monotonic(), time.process_time()
    result = work()
    return time.monotonic() - wall, time.process_time() - cpu, result


def peak_mb() -> float:
    """Return the peak memory of this process in MB; ``ru_maxrss`` would include that of its parent."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024

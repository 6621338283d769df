"""A browser on this machine: Debian's Chromium, driven by Playwright. In CI it must be there; elsewhere it may be missing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from tests.dags import conftest as airflows

bag, harness = airflows.bag, airflows.harness
pytest_configure, pytest_unconfigure = airflows.pytest_configure, airflows.pytest_unconfigure
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A headless Chromium."""
    if CHROMIUM is None:
        assert not os.environ.get("CI"), "CI needs a browser; .ci/run installs Debian's chromium"
        pytest.skip("There is no Chromium here: apt-get install chromium, and these tests run.")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield running
        running.close()

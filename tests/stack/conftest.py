"""The stack of these tests uses the embedded server of all stories."""

from __future__ import annotations

from tests.scenarios import conftest as scenarios

pytest_configure, pytest_unconfigure = scenarios.pytest_configure, scenarios.pytest_unconfigure

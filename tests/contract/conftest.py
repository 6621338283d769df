"""The same harnesses as in the scenarios."""

from tests.scenarios.conftest import harness_of, pytest_configure, pytest_unconfigure, small_world  # noqa: F401

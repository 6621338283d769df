"""The same houses as in the scenarios."""

from tests.scenarios.conftest import house_of, pytest_configure, pytest_unconfigure, town  # noqa: F401

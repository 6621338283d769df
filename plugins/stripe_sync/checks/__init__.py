"""Data-quality checks between two steps: suites of Great Expectations on warehouse tables."""

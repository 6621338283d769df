"""Benchmarks: every figure as a ratio against a baseline in the same run. ``make bench``, ``make bench SCALE=1``."""

"""Comparisons, links, statuses and results of checks."""

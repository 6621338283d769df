"""Worlds: the clock, the objects of both sides, the log of requests."""

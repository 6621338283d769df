"""Readers of both sides: ranges, events, feeds."""

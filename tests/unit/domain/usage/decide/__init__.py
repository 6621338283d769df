"""Decisions on usage, one module each."""

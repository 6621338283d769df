"""Helpers that stories and tests share."""

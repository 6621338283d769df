"""Audits of months."""

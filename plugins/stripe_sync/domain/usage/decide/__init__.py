"""Decisions on usage: pure functions from what was loaded to what is stored, written and reported (BILLING 8 and 9)."""

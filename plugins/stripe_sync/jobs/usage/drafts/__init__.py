"""Drafts held, given their grace, and released (BILLING 9)."""

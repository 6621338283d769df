"""Drafts that wait or must not go out: holds, grace, tax, renewals after the end, stuck invoices (BILLING 9)."""

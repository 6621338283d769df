"""Metered usage on invoices before they are finalized (BILLING 8)."""

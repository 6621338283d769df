"""How usage gets onto an invoice before it is finalized (BILLING 8)."""

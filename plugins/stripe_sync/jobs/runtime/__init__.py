"""Context, run, step, preflight, approvals and the record of manual actions."""

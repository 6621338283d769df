"""Plans, approvals, and writes that were refused."""

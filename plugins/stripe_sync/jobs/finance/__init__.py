"""The finance job: the audit of a month, metrics, and the report."""

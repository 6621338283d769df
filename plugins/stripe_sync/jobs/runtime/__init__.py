"""Runtime of jobs: context, run, step, preflight, approvals and the record of manual actions."""

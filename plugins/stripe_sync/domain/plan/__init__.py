"""Actions, their order, guards and approvals, from drift alone."""

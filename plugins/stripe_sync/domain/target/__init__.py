"""The objects that Stripe should hold, or the reason why it should not: from snapshots and links to documents."""

"""What Stripe should hold, or the reason why it should not. Pure: from snapshots and links to canonical documents."""

"""Questions to a Stripe test account."""

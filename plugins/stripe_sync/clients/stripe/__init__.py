"""Client of one Stripe account."""

"""Scenarios of requests with the answers that Stripe gave, and their replay against any Stripe-like server."""

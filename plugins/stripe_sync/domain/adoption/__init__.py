"""Adoption of Stripe objects that are not linked yet: links and suggestions."""

"""Keeps Stigg and Stripe in agreement, proves that they agree, and shows in money where they do not."""

"""Sandbox of Stripe and Stigg: two stateful HTTP servers with one clock. Imports nothing of stripe_sync."""

"""Stripe and Stigg to try the pipeline on: two stateful HTTP servers with one clock. Imports nothing of stripe_sync."""

"""Conformance: the same requests to a Stripe test account and the sandbox, and the differences of their answers."""

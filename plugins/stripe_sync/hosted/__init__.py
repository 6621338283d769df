"""Stripe's hosted pages: checkout, and the billing portal."""

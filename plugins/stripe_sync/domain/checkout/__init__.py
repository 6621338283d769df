"""Checkout sessions and settings of the billing portal."""

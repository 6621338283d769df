"""The checkout job, and the billing portal."""

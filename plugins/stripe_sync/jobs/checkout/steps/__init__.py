"""The steps of the checkout job."""

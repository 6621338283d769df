"""The catalog that Stripe should hold: products, prices and their versions."""

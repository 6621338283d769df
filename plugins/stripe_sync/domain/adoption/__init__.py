"""Objects of Stripe that are not linked yet: suggestions and proofs."""

"""Parameters of requests to Stripe as types, a module a group of resources; ``base.encode`` turns them into a request."""

"""Two servers are asked the same, and told apart: a Stripe test account, and the sandbox."""

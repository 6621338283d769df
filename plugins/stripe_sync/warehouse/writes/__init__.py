"""Journal, leases, rate budget, and amounts that writes left to a person."""

"""What to write, in which order, and whether it may be done: pure, from drift alone."""

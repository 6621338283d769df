"""Read-only pages about an environment."""

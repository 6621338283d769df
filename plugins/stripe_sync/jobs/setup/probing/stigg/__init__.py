"""Questions to a Stigg environment for tests."""

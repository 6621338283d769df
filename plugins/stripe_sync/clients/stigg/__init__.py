"""Client of one Stigg environment."""

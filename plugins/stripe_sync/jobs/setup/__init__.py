"""Connecting, disconnecting, probing and pruning an environment."""

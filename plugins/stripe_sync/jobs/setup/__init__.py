"""Setup of an environment: connect, disconnect, probe, prune."""

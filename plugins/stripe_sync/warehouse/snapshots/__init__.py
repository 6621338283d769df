"""Snapshots of both sides, how far each was read, and what changed since a comparison."""

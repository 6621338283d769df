"""Writes: each action once, journalled, and verified against its document."""

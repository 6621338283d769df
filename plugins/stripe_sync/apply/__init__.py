"""Writes: each action is made once, journalled, and verified against its document."""

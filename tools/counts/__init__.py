"""Figures about the layout of a commit, in one table (docs/proofs/layout.md)."""

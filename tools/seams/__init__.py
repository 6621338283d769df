"""Untyped places in signatures and fields (``tools/seams.toml`` says where they count)."""

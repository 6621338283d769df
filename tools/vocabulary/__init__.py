"""Retired words of the project (``tools/vocabulary.toml``), found in names, texts, files and SQL."""

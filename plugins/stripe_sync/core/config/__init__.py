"""Readers of connections and of packaged files; domain may not import them."""

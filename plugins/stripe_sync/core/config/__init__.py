"""Readers of connections and of the files that come with the package; domain may not import them."""

"""Typed entities of both sides, as the pipeline understands them."""

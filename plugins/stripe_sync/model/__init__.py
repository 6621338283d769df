"""Frozen types of both worlds, as the pipeline understands them."""

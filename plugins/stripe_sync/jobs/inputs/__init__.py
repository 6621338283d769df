"""Typed inputs of decisions, loaded from the warehouse."""

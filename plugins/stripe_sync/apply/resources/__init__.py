"""Writes by resource: parameters, sending, verifying, recovering a lost result."""

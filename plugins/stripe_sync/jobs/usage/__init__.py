"""The usage job."""

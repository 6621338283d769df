"""The steps of the usage job."""

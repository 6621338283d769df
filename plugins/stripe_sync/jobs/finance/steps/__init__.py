"""The steps of the finance job."""

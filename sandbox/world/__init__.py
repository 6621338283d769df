"""What exists: the clock, the objects of both sides, the requests that were made."""

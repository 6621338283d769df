"""Callers: a scheduler, a shell, a browser. No decision, no SQL, no request to an API."""

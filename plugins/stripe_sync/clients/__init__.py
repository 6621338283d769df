"""The only code that talks to each API."""

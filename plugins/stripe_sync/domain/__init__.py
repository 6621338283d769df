"""Pure decisions: no I/O library, no clock, no database."""

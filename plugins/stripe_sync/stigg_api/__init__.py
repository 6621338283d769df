"""The only code that talks to Stigg."""

"""The command ``stripe-sync``."""

"""Command groups: names, options and help texts; heavy modules are imported when a command runs."""

"""From a plan to writes: once each, journalled, verified against what was wanted."""

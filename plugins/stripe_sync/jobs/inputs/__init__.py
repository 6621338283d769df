"""From the warehouse to typed inputs of a decision."""

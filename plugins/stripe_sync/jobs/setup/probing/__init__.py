"""The questions of ``stripe-sync probe``: each a function of a test account that returns its typed answer."""

"""The order of steps: each loads, calls the domain, and stores."""

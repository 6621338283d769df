"""Questions of ``stripe-sync probe``: functions of a test account that return a typed answer."""

"""Objects of both APIs and their endpoints, one module per kind."""

"""EMR's API: requests in, answers out."""

"""Objects of S3, listings of a source, and inventories of runs."""

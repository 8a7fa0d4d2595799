"""The evidence that Spark measures of a run, the checks that judge it, and the report."""

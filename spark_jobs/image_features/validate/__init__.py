"""The evidence that Spark measures, the checks of it, and the report."""

"""The contract of a run: what Airflow and Spark must agree on, each fact once, in the standard library alone."""

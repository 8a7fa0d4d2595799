"""Airflow operators of the DAGs: one module for each task, with the name of the task."""

"""What a task knows of its DAG run, how it waits, and its links in Airflow's UI."""

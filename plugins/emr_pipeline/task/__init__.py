"""What a task knows of its DAG run, and its links in Airflow's UI."""

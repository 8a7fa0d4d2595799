"""What every stage stands in: its arguments, its Spark session, its statistics and its progress."""

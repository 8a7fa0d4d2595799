"""What is known of a cluster, and what EMR allows."""

"""What describes the cluster and its steps, and the operators that make, feed, watch and end it."""

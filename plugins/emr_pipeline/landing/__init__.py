"""New photographs: their assets and schedule, the decision on them, the wait for them, and the last signal."""

"""What must hold of a finished run: the checks, which are pure, and the Spark passes that measure what they judge."""

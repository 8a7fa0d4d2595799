"""What the Makefile calls: set-up, bringing photographs in, running the pipeline, the services of one machine."""

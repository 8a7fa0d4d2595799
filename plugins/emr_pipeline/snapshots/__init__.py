"""Published snapshots: what a document contains, where it lies, and which runs are removed."""

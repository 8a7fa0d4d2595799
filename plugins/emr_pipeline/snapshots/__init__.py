"""Published snapshots: what one says, where they lie, and which are removed."""

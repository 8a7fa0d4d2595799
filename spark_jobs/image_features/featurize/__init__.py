"""The stage from images to vectors in the feature store, and from these to the features of a run."""

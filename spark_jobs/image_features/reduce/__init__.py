"""The way from features to a Gram matrix, to a model, and to PCA features."""

"""The version of the preprocessing, a part of the identity of vectors."""

PREPROCESSING_VERSION = 3
"""Increase it whenever `spark_jobs/image_features/images/` makes other pixels of the same bytes than before."""

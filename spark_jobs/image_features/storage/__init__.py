"""S3 objects, Parquet files, datasets, the feature store and the published snapshots."""

"""S3 on plain directories: a directory per bucket, an object per file."""

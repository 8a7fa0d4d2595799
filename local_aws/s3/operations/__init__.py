"""The operations of S3's API."""

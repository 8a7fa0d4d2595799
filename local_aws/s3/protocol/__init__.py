"""S3's requests and answers as they cross the wire."""

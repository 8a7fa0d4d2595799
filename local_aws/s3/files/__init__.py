"""Buckets and objects as folders and files."""

"""Requests to EMR, and what its answers mean."""

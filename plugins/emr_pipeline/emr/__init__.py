"""Requests to EMR, what its answers mean, and the triggers that poll it."""

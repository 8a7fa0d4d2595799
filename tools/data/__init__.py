"""Photographs and weights, brought into the bucket."""

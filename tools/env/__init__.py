"""Environments and bundles: built, checked, packed."""

"""What is measured of a run before any check judges it."""

"""What can be asked of an account before a run is paid for; it only reads."""

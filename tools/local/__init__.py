"""The state and the services of one machine."""

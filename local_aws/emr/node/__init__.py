"""The one machine of a cluster: commands, their configuration, their processes, their logs."""

"""The life of a cluster: its steps, its bootstrap actions, its end."""

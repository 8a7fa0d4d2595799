"""The explorer: a map of the run's photographs, one HTML file that needs no server and no network."""

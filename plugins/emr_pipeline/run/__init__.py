"""What one run is: its stages, params, places and code; pure, but for the form of the params."""

"""What one run is: its stages, params, places, code, forecasts and messages; pure."""

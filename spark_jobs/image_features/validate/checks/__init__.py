"""The checks of a finished run. They are pure: evidence in, findings out."""

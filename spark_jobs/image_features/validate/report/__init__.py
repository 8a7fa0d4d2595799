"""The page that a person reads about a run: one self-contained HTML file, with charts and photographs inside."""

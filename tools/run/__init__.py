"""One run on one machine: asked for, followed, summarized."""

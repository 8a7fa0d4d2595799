"""Whether bytes are an image, and its pixels; pure Pillow and NumPy."""

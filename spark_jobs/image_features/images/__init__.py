"""Functions that tell whether bytes are an image, and decode its pixels; pure Pillow and NumPy."""

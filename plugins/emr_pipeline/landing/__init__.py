"""Noticing new photographs: what fruit_images_landed decides, waits for and tells."""

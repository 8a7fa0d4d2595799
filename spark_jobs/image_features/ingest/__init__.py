"""From the listing of a source to a manifest, packed images and rejects."""

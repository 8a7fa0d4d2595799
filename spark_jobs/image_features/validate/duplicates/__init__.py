"""Near-duplicates: pairs of images whose vectors are nearly alike, their groups, and a split that no pair crosses."""

"""From a backbone and its weights to one exported network, and to the function that predicts with it."""

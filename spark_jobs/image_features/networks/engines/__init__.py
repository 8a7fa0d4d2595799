"""The engines that run an exported network on the workers, and the way in which the network comes there."""

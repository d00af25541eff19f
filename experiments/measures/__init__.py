"""What is measured of a trained network, by several experiments."""

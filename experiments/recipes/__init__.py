"""Ways of training a network, by name."""

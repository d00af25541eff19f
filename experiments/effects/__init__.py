"""Numbers by seed that claims are made of."""

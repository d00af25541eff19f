"""Numbers by seed that claims are made of, each from the table of one measure."""

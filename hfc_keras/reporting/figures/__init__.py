"""Figures and the tables beside them, one kind a file."""

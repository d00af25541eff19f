"""Figures and the tables beside them, one kind per file."""

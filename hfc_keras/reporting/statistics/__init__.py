"""Intervals and shares, from rows alone."""

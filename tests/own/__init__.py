"""Experiments of the tests."""

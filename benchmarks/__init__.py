"""Speed beside the alternatives, same work, one run: ``python -m benchmarks.<name>``."""

"""How time and memory grow with the size of the work: ``python -m benchmarks.growth``."""

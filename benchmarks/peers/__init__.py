"""Speed beside other people's packages: ``python -m benchmarks.peers``."""

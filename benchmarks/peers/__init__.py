"""Speed beside other people's packages, at the same work: ``python -m benchmarks.peers``."""

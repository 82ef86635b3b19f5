"""What yprov-run costs, and its peers: `python -m benchmarks`, or `make bench`."""

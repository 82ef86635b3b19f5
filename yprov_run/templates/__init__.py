"""Batch scripts to start from: which there are, and filling one in."""

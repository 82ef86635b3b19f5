"""The node agent: one light Python process per node and step.

It runs without site-packages' start-up hooks and imports nothing that a sensor here does not need.
"""

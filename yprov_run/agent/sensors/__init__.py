"""Sensors: a Protocol in `base`, one file per source."""

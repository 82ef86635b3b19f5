"""Telling secrets from harmless text, and keeping them off the disk: for both halves."""

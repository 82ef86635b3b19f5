"""Launching: from a command to the plan, the running process, and how it ended."""

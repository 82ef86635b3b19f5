"""A node's trace: samples, events, and what they come to."""

"""Segment's HTTP API on the edge: what its libraries send becomes records of our log."""

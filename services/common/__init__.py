"""What every process needs, and nothing that only one needs."""

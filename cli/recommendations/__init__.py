"""`sentientiq recommendations`: what the team was asked to do, and what became of it."""

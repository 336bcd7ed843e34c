"""Follow every recommendation from the decision to its final state."""

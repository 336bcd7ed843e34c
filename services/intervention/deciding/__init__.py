"""From an emotion to a decision, committed together with all that follows from it."""

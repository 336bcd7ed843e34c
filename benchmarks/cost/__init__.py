"""Is the cost of ignoring somebody right? Simulated worlds, of which the truth is known."""

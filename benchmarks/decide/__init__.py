"""What a decision costs: Decide at a fixed rate, beside a call that does nothing."""

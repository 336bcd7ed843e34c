"""`sentientiq report`: answers from analytics, and the weekly mail."""

"""`sentientiq up`: the whole mesh on one machine, under one supervisor."""

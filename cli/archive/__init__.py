"""`sentientiq archive`: what is archived, and that it is what the log had and analytics has."""

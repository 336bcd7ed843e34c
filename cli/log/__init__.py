"""`sentientiq log`: look into the event log, and give dead letters another chance."""

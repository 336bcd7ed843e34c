"""`sentientiq replay`: recordings through the running mesh, over real WebSockets."""

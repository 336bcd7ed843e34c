"""What the pipeline takes to carry events from the log into analytics and the archive."""

"""What an event costs as stores grow, and what breaks first."""

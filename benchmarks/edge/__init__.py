"""What an edge worker does with its processor time, by stage."""

"""Bursts: which presses belong together, and what they are worth; nothing here for Python."""

"""Codes of events, reactions and target flags; the numbers stand in events.pxd."""

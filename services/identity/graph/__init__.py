"""Whose a session is, where it does not say so itself: what people have in common, and what not."""

"""Carry the log into analytics and the archive, trim it behind its readers, answer reports."""

"""Who did what to whom, in a chain that shows when it was changed afterwards (docs/audit.md)."""

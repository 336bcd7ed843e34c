"""Personal data: whose keys open it, who reads it and what for, how it ends (docs/privacy.md)."""

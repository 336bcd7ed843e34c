"""The rage kernel; nothing here for Python."""

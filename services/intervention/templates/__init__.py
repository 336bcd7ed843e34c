"""What the page and the team are told, by name and version, in the reader's language."""

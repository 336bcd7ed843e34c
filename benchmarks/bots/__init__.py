"""Is a person taken for a program, or a program for a person? Both use our own SDK in Chromium."""

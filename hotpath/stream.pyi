"""One stream's events through the kernels; nothing here for Python."""

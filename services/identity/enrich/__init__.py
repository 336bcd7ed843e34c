"""What the tenant's own files, services and database know about a visitor's company."""

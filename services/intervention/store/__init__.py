"""The SQL of this service, one module a group of tables."""

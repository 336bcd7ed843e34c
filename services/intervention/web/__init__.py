"""What people and providers reach over HTTP."""

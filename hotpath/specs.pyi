"""The field table of fields.py as C structs; nothing here for Python."""

"""Entries: a LogEntry written in protobuf's encoding, without an object of protobuf's.

Ownership: nothing is kept; what is returned is Python's.
"""

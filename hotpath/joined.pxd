"""Joined: the columns of many batches, one after the other, each column whole.

Ownership: the blobs are borrowed for the call; what is returned is Python's.
"""

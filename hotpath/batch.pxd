"""Batches: one BehaviorBatch written in protobuf's encoding, without an object of protobuf's.

The exact bytes that protobuf's own serializer gives: fields in order of their numbers, those with
their default value left out. message.pxd reads them.

Ownership: nothing is kept; what is returned is Python's.
"""

"""Frames: one BehaviorBatch as Python values, for those who want rows of it and not feelings."""

"""Emotions and their features as enums; see features.pxd."""

"""Measurements of the detector and of the mesh; not shipped."""

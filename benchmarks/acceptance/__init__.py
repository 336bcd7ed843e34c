"""Acceptance tests of capacity and fairness: meshes under load, each figure against its bound."""

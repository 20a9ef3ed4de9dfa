"""Families whose studies enter by likelihood curves: what they share."""

"""Means of arms, whose standard deviations are parameters."""

"""Trials of a published review."""

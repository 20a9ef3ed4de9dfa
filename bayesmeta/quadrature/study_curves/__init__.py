"""Posteriors of studies that each enter as a likelihood curve of their own effect."""

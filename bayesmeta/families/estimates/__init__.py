"""Estimates with known standard errors."""

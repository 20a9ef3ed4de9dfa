"""Priors from earlier studies."""

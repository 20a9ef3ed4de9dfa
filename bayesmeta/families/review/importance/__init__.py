"""Posterior of a published review by constrained importance sampling of its trials, without chains."""

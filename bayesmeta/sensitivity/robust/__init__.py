"""Robust Bayesian meta-analysis: an average over models with and without effect, heterogeneity and publication bias."""

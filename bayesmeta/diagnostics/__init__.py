"""Diagnostics: does the computation hold, does the model fit, and which prior would change the answer."""

"""Gaussian problems that depend on one or two further parameters, such as an ED50, a decay rate or a correlation."""

"""Models as values: what is estimated, from which covariates, under which priors."""

from bayesmeta.spec.normal_normal import NormalNormal

__all__ = ["NormalNormal"]
